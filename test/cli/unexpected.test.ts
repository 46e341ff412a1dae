import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { asAppError } from '../../src/cli/unexpected.js'
import { AppError } from '../../src/domain/errors.js'

const system = (code: string, syscall: string, path?: string) =>
  Object.assign(new Error(`${code}: something, ${syscall}`), { code, syscall, path })

describe('an error that reaches the command line', () => {
  test('of the program itself stays as it is', () => {
    const error = new AppError('NOT_FOUND', 'no run')
    expect(asAppError(error, undefined)).toBe(error)
  })

  test.each([
    [system('ENOSPC', 'write'), 'Cannot write: the disk is full (ENOSPC). Make room there, or use another place.'],
    [system('EMFILE', 'open', '/x'), 'Cannot open /x: this process may open no more files (EMFILE). Raise the limit'],
    [system('EROFS', 'mkdir', '/home/me/db'), 'the file system is read-only (EROFS). Set UNSPLASH_CLIP_HOME'],
    [new Error('outer', { cause: system('EACCES', 'open', '/y') }), 'Cannot open /y: no permission (EACCES). Check'],
    [new AggregateError([system('ENFILE', 'scandir', '/z')]), 'this machine can open no more files (ENFILE)'],
  ])('of the file system says what failed and what to do: %s', (error, message) => {
    expect(asAppError(error, '/home/me')).toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining(message),
    })
  })

  test('that nobody expected is one sentence; its stack is in a file, without credentials', async () => {
    const home = await mkdtemp(join(tmpdir(), 'uc-unexpected-'))
    const error = new TypeError('x is not a function, at postgres://me:hunter2@host/db')
    const { code, message } = asAppError(error, home)
    expect(code).toBe('INTERNAL_ERROR')
    expect(message).toContain('Unexpected TypeError: x is not a function')
    expect(message).toContain(`Its stack is in ${join(home, 'last-error.log')}.`)
    const log = await readFile(join(home, 'last-error.log'), 'utf8')
    expect(log).toContain('unexpected.test.ts')
    expect(log).not.toContain('hunter2')
    await rm(home, { recursive: true })
    expect(asAppError(error, home).message).toContain('LOG_LEVEL=debug shows its stack.')
    expect(asAppError('a text', undefined).message).toContain('Unexpected a text.')
  })
})
