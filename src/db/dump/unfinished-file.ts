import { open, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { processIdentity } from '../../locks/process-identity.js'

const MARK = '.unfinished-'

/** Returns the name of a file while this process writes it: beside its final name. */
export const unfinishedName = (file: string): string => `${file}${MARK}${process.pid}`

/** Removes unfinished files that killed processes of this machine left beside a file. */
export async function removeLeftovers(file: string): Promise<void> {
  const folder = dirname(file)
  for (const name of await readdir(folder)) {
    if (!name.startsWith(basename(file) + MARK)) continue
    const pid = Number(name.slice(basename(file).length + MARK.length))
    if (Number.isInteger(pid) && pid !== process.pid && processIdentity(pid) === null)
      await rm(join(folder, name), { force: true })
  }
  await rm(unfinishedName(file), { force: true })
}

/** Writes the entries of a folder to the disk, where the file system supports it. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    await handle.close()
  }
}
