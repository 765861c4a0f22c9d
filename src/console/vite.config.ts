import { brotliCompressSync, constants } from "node:zlib"
import react from "@vitejs/plugin-react"
import { defineConfig, type Plugin } from "vite"

/** Packs each text asset beside itself, so that the server sends ready bytes and packs nothing at a request. */
function packed(): Plugin {
  return {
    name: "waft-packed",
    enforce: "post",
    generateBundle(_, bundle) {
      for (const [fileName, file] of Object.entries(bundle)) {
        if (!/\.(?:js|css|svg|html)$/.test(fileName)) continue
        const bytes = Buffer.from(file.type === "chunk" ? file.code : file.source)
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11 }
        this.emitFile({ type: "asset", fileName: `${fileName}.br`, source: brotliCompressSync(bytes, { params }) })
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
