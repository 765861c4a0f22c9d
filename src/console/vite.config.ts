import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { brotliCompressSync, constants } from "node:zlib"
import react from "@vitejs/plugin-react"
import { defineConfig, type Plugin } from "vite"

/** Packs each text file beside itself, so that the server sends ready bytes and packs nothing at a request. */
function packed(): Plugin {
  return {
    name: "waft-packed",
    // After everything: a chunk still changes while the bundle is made.
    writeBundle({ dir = "" }, bundle) {
      for (const fileName of Object.keys(bundle)) {
        if (!/\.(?:js|css|svg|html)$/.test(fileName)) continue
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11 }
        writeFileSync(join(dir, `${fileName}.br`), brotliCompressSync(readFileSync(join(dir, fileName)), { params }))
      }
    },
  }
}

/** The console is built to `dist/console`; the server serves it at `/`. */
export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  plugins: [react(), packed()],
  build: {
    outDir: "../../dist/console",
    emptyOutDir: true,
    // Everything is a file of its own: the policy allows no `data:` and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2023",
    chunkSizeWarningLimit: 1000,
  },
})
