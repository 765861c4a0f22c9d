import fc from "fast-check"

/** Any text: every code point alike, halves of pairs, and many of those that hide or steer. */
export const anyText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point)),
      fc.constantFrom(
        "\u0000",
        "\u001b[31m",
        "\u009b",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "\n",
        "\ud800",
        "\u2028",
      ),
      fc.constantFrom("=cmd|' /C calc'!A0", "+1", "-1", "@x", "<script>", '"', ",", ";", "\\u{1b}", "plain"),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""))
