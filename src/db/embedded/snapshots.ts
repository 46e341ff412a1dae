import { execFile } from 'node:child_process'
import { constants, existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../../domain/errors.js'
import { DAY, HOUR } from '../../domain/units.js'

const FILES_AT_ONCE = 16
/** The oldest snapshot is of another day, so that a fault found late has not reached all. */
const OLDER_BY_MS = DAY
/** At least this long between two snapshots of a running server, and a hundred times as long as the last one took. */
const INTERVAL_MS = HOUR
const BUSY_SHARE = 100

/** A copy of the data folder that an engine can open. */
export interface Snapshot {
  /** Its time, such as `2026-11-28T21-50-00.000Z`; names sort by time. */
  name: string
  takenAt: Date
  bytes: number
}

const dataFolder = (dataDir: string): string => join(dataDir, 'pgdata')
const snapshotsFolder = (dataDir: string): string => join(dataDir, 'snapshots')
const controlFile = (dataFolder: string): string => join(dataFolder, 'global', 'pg_control')

/** Returns the complete snapshots of a folder, the newest first. */
export async function listSnapshots(dataDir: string): Promise<Snapshot[]> {
  const folder = snapshotsFolder(dataDir)
  const entries = await readdir(folder).catch(() => [])
  const names = entries
    .filter(name => /^\d{4}-/.test(name))
    .sort()
    .reverse()
  return names.flatMap(name => {
    try {
      const { takenAt, bytes } = JSON.parse(readFileSync(join(folder, name, 'snapshot.json'), 'utf8'))
      return [{ name, takenAt: new Date(takenAt), bytes }]
    } catch {
      return []
    }
  })
}

/**
 * Puts a snapshot in the place of the data, which are kept beside it. Only under the lock of the folder.
 * @param name without it the newest that differs from the data: a server that was just stopped took one of them
 * @returns the snapshot, and the folder with the former data; null without former data
 * @throws AppError USAGE when there is no such snapshot
 */
export async function restoreSnapshot(
  dataDir: string,
  name: string | undefined,
): Promise<{ snapshot: Snapshot; former: string | null }> {
  const all = await listSnapshots(dataDir)
  const isOther = (one: Snapshot) => !wasStoppedCleanly(dataDir) || !hasSameControl(dataDir, one)
  const snapshot = name === undefined ? (all.find(isOther) ?? all[0]) : all.find(one => one.name === name)
  if (snapshot === undefined)
    throw new AppError(
      'USAGE',
      `Expected the name of a snapshot of ${dataDir}, found ${name ?? 'no snapshot at all'}. There are: ${all.map(one => one.name).join(', ') || 'none'}.`,
    )
  const unfinished = join(dataDir, 'pgdata.restoring')
  await rm(unfinished, { recursive: true, force: true })
  await copyFolder(join(snapshotsFolder(dataDir), snapshot.name, 'pgdata'), unfinished)
  await flushFolder(unfinished)
  let former: string | null = null
  if (existsSync(dataFolder(dataDir))) {
    former = join(dataDir, `pgdata.before-restore-${fileTime(new Date())}`)
    await rename(dataFolder(dataDir), former)
  }
  await rename(unfinished, dataFolder(dataDir))
  return { snapshot, former }
}

/** A sentence about the way back from an engine that does not start. */
export async function wayBack(dataDir: string): Promise<string> {
  const [newest] = await listSnapshots(dataDir)
  if (newest === undefined)
    return `There is no snapshot to return to. To begin with an empty database, rename ${dataFolder(dataDir)}.`
  return `If the data are damaged, \`unsplash-clip db restore-snapshot\` returns to the last snapshot, of ${newest.takenAt.toISOString()}; it keeps the present data beside it. \`unsplash-clip db snapshots\` lists all.`
}

/**
 * Takes snapshots of the data of one server: when it stops, and at intervals while it runs, if something has changed. The
 * caller makes the files consistent and keeps them so during `copy`.
 */
export class SnapshotTaker {
  /** Position in the write-ahead log up to which the newest snapshot has everything; null: unknown. */
  #takenAtLsn: string | null = null
  #readyAgainAt: number
  /** Whether the newest snapshot is of the data before the engine opened them. */
  readonly #wasUnchanged: boolean

  private constructor(
    private readonly dataDir: string,
    private readonly log: (line: string) => void,
    newest: Snapshot | undefined,
  ) {
    this.#readyAgainAt = Date.now() + INTERVAL_MS
    this.#wasUnchanged = newest !== undefined && hasSameControl(dataDir, newest)
  }

  /** Call before the engine opens the data. Removes what an interrupted copy left. */
  static async create(dataDir: string, log: (line: string) => void): Promise<SnapshotTaker> {
    await removeUnfinished(dataDir).catch(error => log(`snapshots are not possible: ${error.message}`))
    return new SnapshotTaker(dataDir, log, (await listSnapshots(dataDir))[0])
  }

  /** @param lsn position of the log once the engine has opened the data */
  opened(lsn: string): void {
    if (this.#wasUnchanged) this.#takenAtLsn = lsn
  }

  isDue(now = Date.now()): boolean {
    return now >= this.#readyAgainAt
  }

  hasChanged(lsn: string): boolean {
    return lsn !== this.#takenAtLsn
  }

  /**
   * Copies the data. Whatever fails is logged, and leaves the earlier snapshots.
   * @param lsn position of the log at a checkpoint, after which nothing was written
   * @param copied called once the data may change again
   */
  async take(lsn: string, copied: () => void = () => undefined): Promise<void> {
    const began = Date.now()
    const unfinished = join(snapshotsFolder(this.dataDir), 'unfinished')
    try {
      await removeUnfinished(this.dataDir)
      await mkdir(snapshotsFolder(this.dataDir), { recursive: true, mode: 0o700 })
      const bytes = await sizeOf(dataFolder(this.dataDir))
      const { bavail, bsize } = await statfs(this.dataDir)
      if (bavail * bsize < 2 * bytes) {
        this.log(`no snapshot: it needs ${2 * bytes} free bytes, found ${bavail * bsize}`)
        return
      }
      await mkdir(unfinished, { mode: 0o700 })
      await copyFolder(dataFolder(this.dataDir), join(unfinished, 'pgdata'))
      copied()
      const takenAt = new Date()
      await writeFile(join(unfinished, 'snapshot.json'), JSON.stringify({ takenAt, bytes }), { mode: 0o600 })
      await flushFolder(unfinished)
      await rename(unfinished, join(snapshotsFolder(this.dataDir), fileTime(takenAt)))
      this.#takenAtLsn = lsn
      await removeOld(this.dataDir)
      this.log(`took a snapshot of ${bytes} bytes in ${Date.now() - began} ms`)
    } catch (error) {
      this.log(`no snapshot: ${error instanceof Error ? error.message : String(error)}`)
      await removeUnfinished(this.dataDir).catch(() => undefined)
    } finally {
      this.#readyAgainAt = Date.now() + Math.max(INTERVAL_MS, BUSY_SHARE * (Date.now() - began))
      copied()
    }
  }
}

/**
 * Keeps the newest two, and one that is a day older than the newest; until there is one, the oldest. The second newest
 * is the way back from a mistake: stopping the server after it takes the newest.
 */
async function removeOld(dataDir: string): Promise<void> {
  const [newest, , ...older] = await listSnapshots(dataDir)
  if (newest === undefined) return
  const isOldEnough = (one: Snapshot): boolean => newest.takenAt.getTime() - one.takenAt.getTime() >= OLDER_BY_MS
  const kept = older.find(isOldEnough) ?? older.at(-1)
  for (const one of older)
    if (one !== kept) await rm(join(snapshotsFolder(dataDir), one.name), { recursive: true, force: true })
}

const removeUnfinished = (dataDir: string): Promise<void> =>
  rm(join(snapshotsFolder(dataDir), 'unfinished'), { recursive: true, force: true })

/** The control file names the last checkpoint. */
function hasSameControl(dataDir: string, { name }: Snapshot): boolean {
  try {
    const ofSnapshot = readFileSync(controlFile(join(snapshotsFolder(dataDir), name, 'pgdata')))
    return readFileSync(controlFile(dataFolder(dataDir))).equals(ofSnapshot)
  } catch {
    return false
  }
}

/** pg_control.h: after the identifier (8 bytes) and two versions (4 each) comes the state; 1 is DB_SHUTDOWNED. */
function wasStoppedCleanly(dataDir: string): boolean {
  try {
    return readFileSync(controlFile(dataFolder(dataDir))).readUInt32LE(16) === 1
  } catch {
    return false
  }
}

/** Copies by reference where the file system can. */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 })
  const entries = await readdir(from, { withFileTypes: true })
  for (const entry of entries) if (entry.isDirectory()) await copyFolder(join(from, entry.name), join(to, entry.name))
  const files = entries.filter(entry => entry.isFile()).map(({ name }) => name)
  await eachAtOnce(files, name => copyFile(join(from, name), join(to, name), constants.COPYFILE_FICLONE))
}

/**
 * Writes a folder to the disk: a snapshot is for the day on which the power failed. One syncfs(2), which Node does not
 * offer; a thousand calls of fsync(2) take ten seconds. Where `sync -f` is missing, the system writes it in its own time.
 */
async function flushFolder(folder: string): Promise<void> {
  await promisify(execFile)('sync', ['-f', folder]).catch(() => undefined)
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    bytes += entry.isDirectory() ? await sizeOf(path) : (await stat(path)).size
  }
  return bytes
}

async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += FILES_AT_ONCE) await Promise.all(items.slice(i, i + FILES_AT_ONCE).map(work))
}

/** A time that may be a file name. */
const fileTime = (time: Date): string => time.toISOString().replaceAll(':', '-')
