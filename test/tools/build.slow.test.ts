import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { appendFile, cp, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

const PROJECT = {
  extends: './tsconfig.json',
  compilerOptions: { noEmit: false, rootDir: 'src', outDir: 'dist' },
  include: ['src'],
}

/** A project of a few lines with this project's build and settings. */
describe('the build', () => {
  let root: string
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'uc-build-'))
    for (const part of ['tools/build', 'tsconfig.json', 'package.json', 'package-lock.json', 'assembly/asconfig.json'])
      await cp(part, join(root, part), { recursive: true })
    await symlink(resolve('node_modules'), join(root, 'node_modules'))
    const { PROGRAMS }: { PROGRAMS: string[] } = await import(resolve('tools/build/bundle.mjs'))
    for (const name of PROGRAMS) {
      await mkdir(dirname(join(root, 'src', name)), { recursive: true })
      await writeFile(join(root, 'src', `${name}.ts`), "import { z } from 'zod'\nconsole.log(typeof z)\n")
    }
    await mkdir(join(root, 'web'))
    await writeFile(join(root, 'web', 'index.html'), '<!doctype html><script type="module" src="/main.ts"></script>')
    await writeFile(join(root, 'web', 'main.ts'), 'document.title = "page"\n')
    await writeFile(join(root, 'tsconfig.build.json'), JSON.stringify(PROJECT))
    await writeFile(join(root, 'assembly', 'jpeg.ts'), 'export function one(): i32 { return 1 }\n')
    await writeFile(
      join(root, 'vitest.config.mjs'),
      `export default { test: { include: ['*.test.mjs'], globalSetup: ['tools/build/refuse-stale.mjs'] } }`,
    )
    await writeFile(join(root, 'one.test.mjs'), `import { test } from 'vitest'\ntest('runs', () => {})\n`)
  })
  afterAll(() => rm(root, { recursive: true }))
  beforeEach(async () => {
    await writeFile(join(root, 'src', 'kept.ts'), 'export const kept = 1\n')
    await writeFile(join(root, 'src', 'other.ts'), 'export const other = 1\n')
    expect(await build()).toMatchObject({ code: 0 })
  })

  const run = (...args: string[]) =>
    new Promise<{ code: number; output: string }>(done =>
      execFile(process.execPath, args, { cwd: root }, (error, stdout, stderr) =>
        done({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
      ),
    )
  const build = () => run('tools/build/run.mjs')
  const runTests = () => run('node_modules/vitest/vitest.mjs', 'run')
  const built = (name: string) => join(root, 'dist', name)

  test('is what the tests of unchanged sources run on', async () => {
    expect(existsSync(built('kept.js'))).toBe(true)
    expect(existsSync(built('assembly/jpeg.wasm'))).toBe(true)
    expect(existsSync(built('web/index.html'))).toBe(true)
    expect(await runTests()).toMatchObject({ code: 0 })
  })

  test('holds each program with the packages that it imports', async () => {
    const chunk = readdirSync(built('chunks')).find(name => name.endsWith('.js'))
    expect(readFileSync(built(`chunks/${chunk}`), 'utf8')).toContain('node_modules/zod')
    expect(readFileSync(built('THIRD-PARTY-LICENSES.txt'), 'utf8')).toMatch(/^zod 4\S+: MIT\n\nMIT License\n/)
    expect(await run(built('cli/main.js'))).toEqual({ code: 0, output: 'object\n' })
  })

  test.each<[string, () => Promise<void>, string]>([
    ['a changed source', () => appendFile(join(root, 'src', 'kept.ts'), '// more\n'), 'src/kept.ts'],
    ['a new source', () => writeFile(join(root, 'src', 'new.ts'), ''), 'src/new.ts'],
    ['a deleted source', () => rm(join(root, 'src', 'other.ts')), 'src/other.ts'],
    ['changed AssemblyScript', () => appendFile(join(root, 'assembly', 'jpeg.ts'), '// more\n'), 'assembly/jpeg.ts'],
    ['a changed source of the page', () => appendFile(join(root, 'web', 'main.ts'), '// more\n'), 'web/main.ts'],
    ['another setting of the compiler', () => appendFile(join(root, 'tsconfig.json'), '\n'), 'tsconfig.json'],
    ['no build', () => rm(join(root, 'dist'), { recursive: true }), 'no complete build'],
  ])('%s fails a test run at its start, which names the command that helps', async (_, change, named) => {
    await change()
    const { code, output } = await runTests()
    expect(code).not.toBe(0)
    expect(output).toContain(named)
    expect(output).toContain('npm run build')
    expect(output).not.toContain('passed')
  })

  test('compares contents: a new time alone changes nothing', async () => {
    await utimes(join(root, 'src', 'kept.ts'), new Date(), new Date())
    expect(await runTests()).toMatchObject({ code: 0 })
  })

  test('removes the output of a deleted source', async () => {
    await rm(join(root, 'src', 'other.ts'))
    await build()
    expect(existsSync(built('other.js'))).toBe(false)
    expect(existsSync(built('kept.js'))).toBe(true)
  })

  test('that fails shows the error, leaves the former one, and leaves it stale', async () => {
    await writeFile(join(root, 'src', 'kept.ts'), 'export const kept: number = "text"\n')
    const { code, output } = await build()
    expect(code).toBe(1)
    expect(output).toContain('TS2322')
    expect(existsSync(built('kept.js'))).toBe(true)
    expect((await runTests()).code).not.toBe(0)
  })
})
