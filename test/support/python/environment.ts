import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { withFileLock } from '../../../src/locks/file-lock.js'
import { requires } from '../servers/requirements.js'

const run = promisify(execFile)
const CACHE = resolve('node_modules/.cache/unsplash-clip')

/** Whether Python can make environments. */
export const hasPython = (): boolean =>
  requires(
    'Python >= 3.10 with venv',
    spawnSync('python3', ['-c', 'import ensurepip, venv, sys; sys.exit(sys.version_info < (3, 10))']).status === 0,
    "Install Debian's python3-venv.",
  )

/** Packages of the peers that come without those that they name: requirements.txt has what is needed of them. */
const BARE = [
  'embedding-atlas==0.26.0',
  'clip-retrieval==2.45.0',
  'img2dataset==1.47.0',
  'autofaiss==2.18.0',
  'embedding-reader==1.8.1',
]

/** One environment for all tests that compare with programs from PyPI: most of its packages are shared. */
export const pythonPeers = (): Promise<string> =>
  pythonEnvironment(resolve('test/support/python/requirements.txt'), BARE)

/**
 * An environment of Python with the packages of a file of requirements, installed once for each content of the file, also
 * where several processes want it at once.
 * @param bare packages that come without those that they name: the file has what is needed of them
 * @returns the folder of its programs
 */
export async function pythonEnvironment(requirements: string, bare: readonly string[] = []): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .update(bare.join())
    .digest('hex')
    .slice(0, 12)
  const folder = join(CACHE, `python-${digest}`)
  const programs = join(folder, 'bin')
  // Written at the end: an installation that was interrupted is made again.
  const complete = join(folder, 'complete')
  await mkdir(CACHE, { recursive: true })
  await withFileLock(`${folder}.lock`, async () => {
    if (existsSync(complete)) return
    await rm(folder, { recursive: true, force: true })
    await run('python3', ['-m', 'venv', folder])
    // Compiling all modules ahead takes longer than the few that are imported.
    const install = ['install', '--quiet', '--disable-pip-version-check', '--no-compile']
    await run(join(programs, 'pip'), [...install, '-r', requirements])
    if (bare.length > 0) await run(join(programs, 'pip'), [...install, '--no-deps', ...bare])
    await writeFile(complete, '')
  })
  return programs
}
