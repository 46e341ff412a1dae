import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of package.json, from the sources as well as from `dist/`: migrations, labels and models lie beside it. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error(`No package.json above ${fileURLToPath(import.meta.url)}`)
    folder = parent
  }
  return folder
}

/**
 * The path of a built file. Threads and processes start from it, because they cannot load TypeScript: also where the caller is
 * a source file, as in tests, which therefore refuse to run beside a stale build.
 *
 * @param name below `dist/`, as `images/jpeg-thread.js`
 * @throws Error when it is missing
 */
export function builtFile(name: string): string {
  const file = join(packageRoot(), 'dist', name)
  if (!existsSync(file)) throw new Error(`Expected ${file}, found no such file. Build the project: npm run build`)
  return file
}
