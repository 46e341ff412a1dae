// Runs an exported function of a TypeScript file in a process of its own: node child.mjs FILE FUNCTION JSON-ARGUMENT
import { rmSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, stop } from 'esbuild'

const [file, name, argument] = process.argv.slice(2)
// In the project, from where it finds the packages.
const outfile = fileURLToPath(
  new URL(`../../node_modules/.cache/unsplash-clip/child-${process.pid}.mjs`, import.meta.url),
)
await build({ entryPoints: [file], bundle: true, packages: 'external', platform: 'node', format: 'esm', outfile })
await stop()
const module = await import(pathToFileURL(outfile).href)
rmSync(outfile)
await module[name](JSON.parse(argument))
