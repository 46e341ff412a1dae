import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { builtFile } from '../../../src/package-root.js'

test('Loading a model leaves no device id and no usage data behind, as the runtime does by itself', async () => {
  const home = await mkdtemp(join(tmpdir(), 'unsplash-clip-home-'))
  // In CI the runtime collects nothing anyway.
  const { CI: _c, ORT_DISABLE_TELEMETRY: _o, XDG_CACHE_HOME: _x, ...inherited } = process.env
  const program = `
    const { openOnnxEncoder } = await import(${JSON.stringify(builtFile('models/runtime/onnx-encoder.js'))})
    const { resolveModel } = await import(${JSON.stringify(builtFile('models/catalog/registry.js'))})
    const encoder = await openOnnxEncoder(resolveModel('demo'), ${JSON.stringify(resolve('models/demo'))}, { towers: 'both' })
    await encoder.close()`
  try {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env: { ...inherited, HOME: home },
      stdio: 'inherit',
    })
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(await readdir(home, { recursive: true })).toEqual([])
  } finally {
    await rm(home, { recursive: true })
  }
})
