import { expect, test } from 'vitest'
import { type HubModelSpec, resolveModel } from '../../../src/models/catalog/registry.js'
import { hubUrl } from '../../../src/models/files/hub-source.js'
import { LoopbackHub } from '../../models/files/loopback-hub.js'
import { Sandbox } from '../../support/cli.js'

test('models pull asks the hub, follows it to another address, and refuses other contents than those of the registry', async () => {
  const spec = resolveModel('clip-vit-b-32@int8') as HubModelSpec
  const file = spec.origin.files[0]!
  const hub = await LoopbackHub.start({ '/elsewhere': Buffer.alloc(file.bytes) })
  hub.troubles.push({ redirectTo: '/elsewhere' })
  const sandbox = await Sandbox.createEmpty({ HF_ENDPOINT: hub.endpoint })
  try {
    const { code, stderr } = await sandbox.run('models', 'pull', 'clip-vit-b-32@int8')
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^MODEL_DIGEST_MISMATCH: .*config\.json/)])
    expect(hub.requests.map(({ path }) => path)).toEqual([
      new URL(hubUrl(hub.endpoint, spec, file)).pathname,
      '/elsewhere',
    ])
  } finally {
    await sandbox.close()
    await hub.close()
  }
})
