import { describe, expect, test } from 'vitest'
import { chooseProvider } from '../../../src/models/runtime/choose-provider.js'
import { EXECUTION_PROVIDERS, type ExecutionProvider } from '../../../src/models/runtime/providers.js'

/** Providers that this machine's build of onnxruntime-node cannot have. */
const foreign: ExecutionProvider[] = process.platform === 'linux' ? ['coreml', 'dml'] : ['cuda', 'tensorrt']

describe('a provider', () => {
  test('is the CPU where nothing else is wanted', async () => {
    expect(await chooseProvider(['cpu'])).toEqual({ provider: 'cpu', refused: [] })
  })

  test.each(foreign)(
    '%s, which this system cannot have, is refused with what it expects and what to do',
    async provider => {
      const refused = chooseProvider([provider])
      await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID', exitCode: 2 })
      await expect(refused).rejects.toThrow(
        new RegExp(
          `${provider} expects .*; found: onnxruntime-node for ${process.platform} .* does not include it\\. .*set it to cpu`,
        ),
      )
    },
  )

  test('that cannot be used gives way to the next one, with the reason', async () => {
    const { provider, refused } = await chooseProvider([...foreign, 'cpu'])
    expect(provider).toBe('cpu')
    expect(refused.map(({ provider }) => provider)).toEqual(foreign)
    expect(refused.every(({ reason }) => reason !== '')).toBe(true)
  })

  test('of any name works, or says in one line why not', async () => {
    for (const wanted of EXECUTION_PROVIDERS) {
      const { provider, refused } = await chooseProvider([wanted, 'cpu'])
      if (provider === wanted) expect(refused).toEqual([])
      else expect(refused).toEqual([{ provider: wanted, reason: expect.stringMatching(/^.+$/) }])
    }
  })
})
