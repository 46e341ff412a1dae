import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { bundle } from './bundle.mjs'
import { ASSEMBLY, BUILD_INFO, buildInputs, builtInputs, PAGE_PACKAGES, staleness, WEB } from './sources.mjs'

const WASM = join('assembly', 'jpeg.wasm')
const UNFINISHED = /^dist-(\d+)(-former)?$/

/**
 * Compiles the working tree into dist/, unless dist/ was built from exactly these sources. The output of a deleted source
 * file goes too: a build starts from an empty folder, beside dist/, and takes the place of dist/ when it is complete.
 *
 * @param {string} root folder of the project
 * @returns {boolean} whether there was anything to build
 * @throws Error when a compiler fails; its messages are on stdout and stderr
 */
export function build(root) {
  if (staleness(root) === null) return false
  removeUnfinished(root)
  // Read before the compilers read them: a file saved meanwhile makes this build stale.
  const inputs = buildInputs(root)
  const output = join(root, `dist-${process.pid}`)
  try {
    run(root, 'typescript', 'tsc', ['-p', 'tsconfig.build.json', '--outDir', output])
    bundle(root, output)
    mkdirSync(join(output, 'assembly'))
    if (isBuilt(root, inputs, WASM, [`${ASSEMBLY}/`, 'assemblyscript']))
      cpSync(join(root, 'dist', WASM), join(output, WASM))
    else {
      const options = ['--config', join(ASSEMBLY, 'asconfig.json'), '--target', 'release']
      run(root, 'assemblyscript', 'asc', [...options, '--outFile', join(output, WASM)])
    }
    if (isBuilt(root, inputs, WEB, [`${WEB}/`, ...PAGE_PACKAGES]))
      cpSync(join(root, 'dist', WEB), join(output, WEB), { recursive: true })
    else run(root, 'vite', 'vite', ['build', WEB, '--outDir', join(output, WEB), '--logLevel', 'warn'])
    writeFileSync(join(output, basename(BUILD_INFO)), JSON.stringify(inputs, null, 1))
    takePlace(output, join(root, 'dist'))
    return true
  } finally {
    rmSync(output, { recursive: true, force: true })
  }
}

/**
 * @param {string} folder
 * @param {string} place
 */
function takePlace(folder, place) {
  const former = `${folder}-former`
  for (;;) {
    if (existsSync(place)) renameSync(place, former)
    try {
      renameSync(folder, place)
      return
    } catch (error) {
      // Another build was faster between the two lines above.
      if (!existsSync(place)) throw error
    } finally {
      rmSync(former, { recursive: true, force: true })
    }
  }
}

/**
 * Whether a part of dist/ is that of these sources: its compiler takes longer than that of the rest.
 *
 * @param {string} root
 * @param {Record<string, string>} inputs
 * @param {string} part below dist/
 * @param {string[]} sources folders, with a slash, and packages that the part is made of
 */
function isBuilt(root, inputs, part, sources) {
  const built = builtInputs(root)
  if (built === null || !existsSync(join(root, 'dist', part))) return false
  return [...new Set([...Object.keys(inputs), ...Object.keys(built)])]
    .filter(name => [...sources, 'tools/build/'].some(it => (it.endsWith('/') ? name.startsWith(it) : name === it)))
    .every(name => inputs[name] === built[name])
}

/**
 * @param {string} root
 * @param {string} packageName
 * @param {string} program
 * @param {string[]} parameters
 */
function run(root, packageName, program, parameters) {
  const file = join(root, 'node_modules', packageName, 'bin', program === 'tsc' ? 'tsc' : `${program}.js`)
  execFileSync(process.execPath, [file, ...parameters], { cwd: root, stdio: 'inherit' })
}

/**
 * What builds that were killed left behind.
 *
 * @param {string} root
 */
function removeUnfinished(root) {
  for (const name of readdirSync(root)) {
    const pid = UNFINISHED.exec(name)?.[1]
    if (pid !== undefined && !isRunning(Number(pid))) rmSync(join(root, name), { recursive: true, force: true })
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
