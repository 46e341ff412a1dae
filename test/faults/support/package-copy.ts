import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../../src/package-root.js'

/**
 * Installs the built package into a folder: workers that start again in the middle of a test find what they started from,
 * whatever is built meanwhile; and one copy can be given another model.
 */
export async function copyPackage(folder: string): Promise<void> {
  const root = packageRoot()
  await mkdir(folder, { recursive: true })
  for (const part of ['dist', 'labels', 'migrations', 'models', 'package.json'])
    await cp(join(root, part), join(folder, part), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
}
