import { expect, test, vi } from 'vitest'

test('half precision reaches the runtime as bits where Node has arrays of it, as from version 24 on', async () => {
  class Float16Array extends Uint16Array {}
  if (!('Float16Array' in globalThis)) vi.stubGlobal('Float16Array', Float16Array)
  const { pixelTensor } = await import('../../../src/models/runtime/image-feeds.js')
  const bits = Uint16Array.of(0x3c00, 0, 0xc000)
  const tensor = pixelTensor('float16', bits, 1, 1)
  expect(tensor.data).toBe(bits)
  expect(tensor).toMatchObject({ type: 'float16', dims: [1, 3, 1, 1] })
})
