import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { requires } from '../servers/requirements.js'

const PACKAGES = {
  exiftool: 'libimage-exiftool-perl',
  'heif-enc': 'libheif-examples',
  ffmpeg: 'ffmpeg',
} as const

const execute = promisify(execFile)

/** Whether the programs that make test files are installed. */
export const hasPrograms = (...names: (keyof typeof PACKAGES)[]): boolean =>
  names.every(name =>
    requires(`The program ${name}`, spawnSync('which', [name]).status === 0, `Install Debian's ${PACKAGES[name]}.`),
  )

/** Runs a program that must succeed. @returns its output */
export async function program(name: keyof typeof PACKAGES, ...args: string[]): Promise<string> {
  return (await execute(name, args, { maxBuffer: 64 << 20 })).stdout
}

/** Writes tags into image files with exiftool. @param tags as `-Make=Canon` without the hyphen, by name */
export async function tag(tags: Readonly<Record<string, string | number | readonly string[]>>, ...files: string[]) {
  const args = Object.entries(tags).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(each => `-${name}=${each}`),
  )
  await program('exiftool', '-q', '-m', '-overwrite_original', ...args, ...files)
}

/** What exiftool reads in files, as numbers where they are numbers. */
export async function tagsOf(...files: string[]): Promise<Record<string, unknown>[]> {
  return JSON.parse(await program('exiftool', '-json', '-n', '-G0', ...files)) as Record<string, unknown>[]
}
