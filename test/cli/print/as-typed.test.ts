import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { asTyped, COMMANDS } from '../../../src/cli/print/as-typed.js'

const HINT = 'Start a worker: unsplash-clip worker. Usage: unsplash-clip [options]'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'uc-path-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('a command that a text names', () => {
  test('begins with npx where the shell does not find the program', () => {
    const npm = [join(folder, 'node_modules', '.bin'), folder].join(delimiter)
    expect(asTyped(HINT, npm)).toBe('Start a worker: npx unsplash-clip worker. Usage: npx unsplash-clip [options]')
  })

  test('stays as it is where the shell finds the program', () => {
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'unsplash-clip'), '')
    expect(asTyped(HINT, [folder, bin].join(delimiter))).toBe(HINT)
  })

  test('gets no second npx, and other uses of the name stay', () => {
    const text = 'npx unsplash-clip worker; a database of unsplash-clip 0.1.0; /usr/bin/unsplash-clip worker'
    expect(asTyped(text, '')).toBe(text)
  })

  test('may be any command of the program', () => {
    const files = readdirSync('src/cli/commands').map(name => name.replace(/(-command)?\.ts$/, ''))
    const folders = readdirSync('src/cli').filter(name => existsSync(join('src/cli', name, `${name}-command.ts`)))
    // help.ts has `version`, too.
    expect([...COMMANDS].sort()).toEqual([...files, ...folders, 'version'].sort())
  })
})
