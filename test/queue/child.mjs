// Runs an exported function of a TypeScript file in a process of its own: node child.mjs FILE FUNCTION JSON-ARGUMENT
import { createServer } from 'vite'

const [file, name, argument] = process.argv.slice(2)
const vite = await createServer({
  configFile: false,
  appType: 'custom',
  logLevel: 'error',
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, watch: null, ws: false },
})
const module = await vite.ssrLoadModule(file)
await module[name](JSON.parse(argument))
// From here on the process lives as long as what the function has started.
await vite.close()
