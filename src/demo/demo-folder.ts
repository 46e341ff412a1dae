import { lstat, mkdir, readdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path'
import { AppError } from '../domain/errors.js'
import { errorCode, errorMessage } from '../domain/text/error-text.js'
import { makeFolder } from '../make-folder.js'

/** Marks a folder that the demo made. */
export const DEMO_MARKER = '.unsplash-clip-demo'
const MARKER_TEXT =
  'The demo of unsplash-clip made this folder. Each demo with this --folder replaces: database, dataset, objects, readable-folders, demo.html.\n'
/** Everything that the demo and its processes write, except the next two. Nothing else in the folder is ever removed. */
const MADE_BY_DEMO = ['database', 'dataset', 'objects', 'readable-folders', 'demo.html']
/** Holds an earlier demo until the next one is complete. */
const EARLIER = '.earlier-demo'
/** Holds an earlier demo during its removal. */
const REPLACED = '.replaced-demo'

/**
 * Checks that the demo may write to a folder and remove the files of an earlier demo in it. Changes nothing.
 * @param photos existing input of the user; undefined for rendered scenes
 * @param ownHome data folder of the other commands
 * @throws AppError USAGE for a file, for a folder that is not empty and that the demo did not make, for a folder that
 * contains `photos` or lies inside, and for the user's home, `ownHome` and the root
 */
export async function checkDemoFolder(folder: string, photos: string | undefined, ownHome: string): Promise<void> {
  const path = await realPath(folder)
  if (path === parse(path).root || path === (await realPath(homedir())))
    throw refusal(folder, 'the root or your home folder')
  if (path === (await realPath(ownHome)))
    throw refusal(folder, 'the folder of your own collection (the setting UNSPLASH_CLIP_HOME)')
  if (photos !== undefined) {
    const input = await realpath(photos)
    if (isInside(input, path)) throw refusal(folder, `one that contains --photos ${photos}`)
    if (isInside(path, input)) throw refusal(folder, `one inside --photos ${photos}`)
  }
  const found = await stat(path).catch(error => unlessMissing(error, folder))
  if (found === null) return
  if (!found.isDirectory()) throw refusal(folder, 'a file')
  const entries = await readdir(path).catch(error => unlessMissing(error, folder))
  if (entries === null || entries.length === 0 || (await isMadeByDemo(path))) return
  throw refusal(
    folder,
    `${count(entries.length)} in it and no ${DEMO_MARKER}, so the demo did not make it`,
    entries.includes('demo.html') && entries.includes('database')
      ? `If it is of a demo of an earlier version, and you need nothing in it, remove it yourself: rm -r ${JSON.stringify(folder)}. Else choose another --folder.`
      : undefined,
  )
}

/** The files of an earlier demo, moved aside for the next one. Stop the server on its database before each call. */
export interface EarlierDemo {
  /** Puts the earlier demo back after the next one failed. @returns whether there was an earlier demo */
  restore(): Promise<boolean>
  /** Removes the earlier demo after the next one is complete. */
  remove(): Promise<void>
}

/**
 * Makes the folder, or moves the files of an earlier demo aside; other files stay. Call `checkDemoFolder` before. After a
 * killed demo, the demo before it counts as the earlier one.
 */
export async function setEarlierDemoAside(folder: string): Promise<EarlierDemo> {
  const aside = join(folder, EARLIER)
  const replaced = join(folder, REPLACED)
  try {
    makeFolder(folder, 0o700)
    if (await isMadeByDemo(folder)) {
      await rm(replaced, { recursive: true, force: true })
      await putBack(folder)
      await mkdir(aside)
      for (const name of MADE_BY_DEMO) await moveIfThere(join(folder, name), join(aside, name))
    } else if ((await readdir(folder)).length > 0) throw refusal(folder, 'files that were not there a moment ago')
    else await writeFile(join(folder, DEMO_MARKER), MARKER_TEXT, { flag: 'wx' })
  } catch (error) {
    if (error instanceof AppError) throw error
    throw refusal(folder, `one that cannot be written (${errorCode(error) || errorMessage(error)})`, undefined, error)
  }
  return {
    restore: () => putBack(folder),
    async remove() {
      // In one step: a part of an earlier demo must not count as the whole.
      await moveIfThere(aside, replaced)
      await rm(replaced, { recursive: true, force: true })
    },
  }
}

/** Safe to repeat. Files of the failed demo stay where the earlier one had none. @returns whether there was an earlier demo */
async function putBack(folder: string): Promise<boolean> {
  const aside = join(folder, EARLIER)
  const names = await readdir(aside).catch(error => unlessMissing(error, folder))
  for (const name of names ?? []) {
    await rm(join(folder, name), { recursive: true, force: true })
    await rename(join(aside, name), join(folder, name))
  }
  await rm(aside, { recursive: true, force: true })
  return (names ?? []).length > 0
}

async function moveIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch(error => {
    if (error.code !== 'ENOENT') throw error
  })
}

async function isMadeByDemo(folder: string): Promise<boolean> {
  const marker = await lstat(join(folder, DEMO_MARKER)).catch(() => null)
  return marker?.isFile() ?? false
}

/** The path with all links resolved, whether or not its last parts exist. */
async function realPath(path: string): Promise<string> {
  const absolute = resolve(path)
  try {
    return await realpath(absolute)
  } catch (error) {
    unlessMissing(error, path)
    if ((await lstat(absolute).catch(() => null)) !== null) throw refusal(path, 'a link that leads nowhere')
    return join(await realPath(dirname(absolute)), basename(absolute))
  }
}

function isInside(path: string, folder: string): boolean {
  const from = relative(folder, path)
  return from !== '..' && !from.startsWith(`..${sep}`) && !isAbsolute(from)
}

/** @returns null for a missing file @throws a refusal for any other error */
function unlessMissing(error: unknown, folder: string): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
  throw refusal(folder, `one that cannot be read (${errorCode(error) || errorMessage(error)})`, undefined, error)
}

function refusal(folder: string, found: string, advice = 'Choose another --folder.', cause?: unknown): AppError {
  return new AppError(
    'USAGE',
    `Expected --folder to be new, empty or made by an earlier demo, found ${found}: ${folder}. ` +
      `Nothing was removed. ${advice}`,
    { cause },
  )
}

function count(entries: number): string {
  return entries === 1 ? '1 entry' : `${entries} entries`
}
