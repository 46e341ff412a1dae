// Lists the benchmarks, or builds the program and runs one: npm run bench -- NAME [options]. See docs/benchmarks.md.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = `${root}bench/`
// A benchmark is NAME.mjs, or NAME/NAME.mjs if it has files of its own.
const files = new Map(
  readdirSync(folder)
    .map(entry => [entry.replace(/\.mjs$/, ''), entry.endsWith('.mjs') ? entry : `${entry}/${entry}.mjs`])
    .filter(([, file]) => existsSync(`${folder}${file}`)),
)
const names = [...files.keys()].sort()

const [name, ...parameters] = process.argv.slice(2)
if (names.includes(name)) await run(name, parameters)
else {
  const asked = name !== undefined && !['--help', '-h', 'list'].includes(name)
  if (asked) console.error(`There is no benchmark ${JSON.stringify(name)}.\n`)
  list(asked ? console.error : console.log)
  if (asked) process.exitCode = 2
}

function list(print) {
  print('Usage: npm run bench -- NAME [options] [--json] [--out FILE]\n')
  const width = Math.max(...names.map(name => name.length)) + 2
  for (const name of names) print(`  ${name.padEnd(width)}${headOf(name)[0]}`)
  print('\nnpm run bench -- NAME --help shows the options of one. On a machine with a GPU: bash bench/gpu.sh --help')
}

/** The comment at the top of a benchmark: one line on the subject, then the usage. */
function headOf(name) {
  const lines = readFileSync(`${folder}${files.get(name)}`, 'utf8').split('\n')
  const end = lines.findIndex(line => !line.startsWith('//'))
  return lines.slice(0, end).map(line => line.replace(/^\/\/ ?/, ''))
}

async function run(name, parameters) {
  if (parameters.includes('--help')) {
    console.log(headOf(name).join('\n'))
    return
  }
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 'inherit'] })
  const child = spawn(process.execPath, [`${folder}${files.get(name)}`, ...parameters], { stdio: 'inherit' })
  // Ctrl-C reaches the benchmark, which cleans up; this process waits for it.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const [code] = await once(child, 'exit')
  process.exitCode = code ?? 1
}
