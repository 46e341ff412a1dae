import { defineConfig } from 'vite'
import { worldOutline } from './world-outline.mjs'

export default defineConfig({
  plugins: [worldOutline()],
  build: {
    target: 'es2022',
    emptyOutDir: true,
    // The content security policy allows neither inline scripts nor data: as a source of scripts and styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Slow plugins on a busy machine are no news to whoever installs the program.
    rolldownOptions: { checks: { pluginTimings: false } },
    // The licenses of what the page contains.
    license: { fileName: 'assets/licenses.md' },
  },
})
