// Runs commands of the built program one after the other in one process: `node command-host.mjs MAIN`. To load the program
// takes longer than most commands do. Each command has its own arguments, folder and environment, and starts at the top.
import { pathToFileURL } from 'node:url'

const [main] = process.argv.slice(2)
const { href } = pathToFileURL(main)
let commands = 0

process.on('message', async ({ args, cwd, env }) => {
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
  Object.assign(process.env, env)
  process.argv = [process.execPath, main, ...args]
  process.exitCode = undefined
  // Another address is another instance of the entry; the modules that it imports are loaded once.
  await import(`${href}?${++commands}`)
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error')
  process.removeAllListeners('uncaughtException')
  process.send({ code: process.exitCode ?? 0 })
})
process.on('disconnect', () => process.exit())
