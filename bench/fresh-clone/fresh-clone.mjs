// From a fresh clone to pictures in a browser: npm ci, npm run demo, and the page that it ends with
//
//   npm run bench -- fresh-clone [--repeats 1] [--json] [--out FILE]
//
// Clones the last commit into a temporary folder, runs `npm ci` and then `npm run demo` on a terminal (util-linux's
// `script`), and opens the address that it prints in Chromium (CHROMIUM=/path/to/chromium) with a new profile. npm takes
// packages from its own cache where it has them.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { firstPicture } from '../page/browser.mjs'
import { readOptions, report, say, spread } from '../support/report.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ADDRESS = /Open (http:\/\/127\.0\.0\.1:\d+)\/ in a browser/
const WANTED_SECONDS = 60

const options = readOptions({ repeats: { type: 'string', default: '1' } })
const repeats = Number(options.repeats)
const runs = []
for (let i = 0; i < repeats; i++) runs.push(await run())
const seconds = name => spread(runs.map(times => times[name]))
const rows = ['npm ci', 'npm run demo to the address', 'address to picture', 'all'].map(step => ({
  step,
  seconds: seconds(step),
}))
const slowest = Math.max(...runs.map(times => times.all))
report(options, {
  bench: 'fresh-clone',
  settings: { repeats },
  tables: [{ title: 'From a fresh clone to the first picture', rows }],
  notes: [`At most ${WANTED_SECONDS} s wanted: ${slowest <= WANTED_SECONDS ? 'kept' : 'MISSED'}.`],
})

async function run() {
  const home = mkdtempSync(join(tmpdir(), 'bench-fresh-clone-'))
  const clone = join(home, 'clone')
  let demo
  try {
    execFileSync('git', ['clone', '--quiet', ROOT, clone])
    const times = [performance.now()]
    say('npm ci')
    execFileSync('npm', ['ci', '--silent'], { cwd: clone, stdio: ['ignore', 2, 'inherit'] })
    times.push(performance.now())
    say('npm run demo')
    demo = startDemo(clone, home)
    const url = await demo.address()
    times.push(performance.now())
    await firstPicture(url, 1)
    times.push(performance.now())
    const [ci, address, picture] = [1, 2, 3].map(step => (times[step] - times[step - 1]) / 1000)
    return {
      ...{ 'npm ci': ci, 'npm run demo to the address': address, 'address to picture': picture },
      all: ci + address + picture,
    }
  } finally {
    await demo?.stop()
    rmSync(home, { recursive: true, force: true })
  }
}

function startDemo(clone, home) {
  const { CI: _, ...env } = process.env
  const child = spawn('script', ['-qec', 'npm run demo', '/dev/null'], {
    cwd: clone,
    env: { ...env, UNSPLASH_CLIP_HOME: join(home, 'home') },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let shown = ''
  const found = new Promise((resolve, reject) => {
    child.stdout.on('data', text => {
      shown += text
      const [, url] = ADDRESS.exec(shown) ?? []
      if (url) resolve(url)
    })
    child.once('exit', () => reject(new Error(`The demo ended before it named its address:\n${shown}`)))
  })
  return {
    address: () => found,
    async stop() {
      child.stdin.write('\u0003')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
