import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasOwnServer } from '../support/servers/postgres.js'
import { hasRedis } from '../support/servers/redis.js'

const MINUTE = 60_000

interface Ended {
  code: number
  stdout: string
  stderr: string
}

function run(command: string, parameters: string[], cwd: string, environment: Record<string, string>): Promise<Ended> {
  const env = { ...process.env, ...environment }
  return new Promise(resolve => {
    execFile(command, parameters, { cwd, env, maxBuffer: 2 ** 24 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    )
  })
}

describe('bench/gpu.sh', { timeout: 8 * MINUTE }, () => {
  let home: string

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'unsplash-clip-test-'))
  })
  afterAll(() => rm(home, { recursive: true, force: true }))

  test.skipIf(![hasOwnServer(), hasRedis()].every(Boolean))(
    'with the CPU instead of a GPU: one table of the encoder and the worker, and what limits',
    async () => {
      const [model, photos] = [join(home, 'model'), join(home, 'photos')]
      // Opening a model writes digests beside it.
      await cp('test/models/exported/optimum', model, { recursive: true })
      const file = join(model, 'model.json')
      const description = JSON.parse(await readFile(file, 'utf8'))
      // Its text tower has 32 bits, for which the name fp16 is refused.
      description.precisions.half = description.precisions.fp16
      description.precisions.fp16 = { ...description.precisions.fp16, vision: 'broken.onnx' }
      await writeFile(join(model, 'broken.onnx'), 'no model')
      await writeFile(file, JSON.stringify(description))
      const rendered = await run('node', ['bench/support/gpu/render-scenes.mjs', photos, '12', '320'], '.', {})
      expect(rendered).toMatchObject({ code: 0 })
      expect(await readdir(photos)).toHaveLength(12)

      const parameters = ['--provider', 'cpu', '--processes', '1', '--precisions', 'fp32,half,fp16,bf16']
      const small = ['--sizes', '16', '--photos', '130', '--images', '32']
      const environment = { MODEL_FOLDER: model, PHOTOS: photos }
      const { code, stdout, stderr } = await run('bash', ['bench/gpu.sh', ...parameters, ...small], '.', environment)
      expect(stderr).toContain('end-to-end --no-peers --provider cpu --precisions half --photos 256')
      expect(code, stderr).toBe(0)

      const [header, , ...rows] = stdout.split('\n').filter(line => line.startsWith('|'))
      const columns = cellsOf(header!)
      expect(columns).toEqual([
        ...['precision', 'images per call', 'encoder alone, images/s', 'worker, photos/s', 'processes'],
        ...['decoding and copying', 'encoding', 'the rest of the workers', 'Postgres', 'Redis', 'the photo server'],
      ])
      const setups = rows.map(row => cellsOf(row).slice(0, 2).join(' '))
      expect(setups.sort()).toEqual(['fp32 16', 'half 16'])
      for (const row of rows)
        for (const figure of cellsOf(row).slice(1)) expect(Number(figure.replaceAll(',', ''))).toBeGreaterThanOrEqual(0)

      expect(stdout).toMatch(/^CLIP on the CPU: no figure of a GPU\./m)
      expect(stdout).toMatch(/^Best: (fp32|half), 16 images per call, 1 worker process\.$/m)
      expect(stdout).toMatch(/^(The .*) limits.* Its ceiling is [\d.,]+ photos\/s; the next one is [\d.,]+, /m)
      expect(stdout).toMatch(/^The worker reached [\d.,]+ photos\/s, [\d.]+ % of its ceiling\./m)
      expect(stdout).toMatch(/^Decoding and copying alone: [\d.,]+ photos\/s on \d+ cores, /m)
      expect(stdout).toMatch(/^!!! Not measured, because it failed \(see above\): end-to-end .* --precisions fp16 /m)
      expect(stdout).toMatch(/^!!! bf16 was not measured: .*model\.json has only /m)
    },
  )

  test('without a GPU it names all that is missing, and installs nothing', async () => {
    // A clone in which nothing is installed, on a machine with neither a GPU nor servers.
    const clone = join(home, 'clone')
    await cp('bench', join(clone, 'bench'), { recursive: true })
    const before = await readdir(clone, { recursive: true })
    const bare = ['/usr/bin', '/bin'].join(delimiter)
    const { code, stdout, stderr } = await run('bash', ['bench/gpu.sh'], clone, {
      PATH: bare,
      MODEL_FOLDER: '/nowhere',
    })
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain('nothing was installed or measured, because this is missing:')
    expect(stderr).toContain('- an NVIDIA GPU with its driver, 580 or newer (found: no nvidia-smi)')
    expect(stderr).toMatch(/- CUDA 13 and cuDNN 9 \(not found: .*libcudnn\.so\.9\)/)
    expect(stderr).toContain('- the folder of MODEL_FOLDER (found: nothing at /nowhere)')
    expect(stderr).toContain('Without a GPU: --provider cpu.')
    expect(await readdir(clone, { recursive: true })).toEqual(before)
  })

  test('an unknown provider is refused', async () => {
    const { code, stderr } = await run('bash', ['bench/gpu.sh', '--provider', 'abacus'], '.', {})
    expect(code).toBe(2)
    expect(stderr).toBe('--provider: expected cuda or cpu, found "abacus".\n')
  })
})

function cellsOf(row: string): string[] {
  return row
    .split('|')
    .slice(1, -1)
    .map(cell => cell.trim())
}
