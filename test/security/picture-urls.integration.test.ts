import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FolderStore } from '../../src/storage/folder-store.js'
import { freshDatabases } from '../db/fresh-databases.js'
import { plantPhotos, removeStore, startApi, type TestApi } from '../http/support.js'
import { startHttp, type TestServer } from '../support/servers/http-server.js'
import { embeddedServer } from '../support/servers/postgres.js'

describe('addresses of pictures that clients of the HTTP API name', () => {
  const fresh = freshDatabases(embeddedServer)
  let store: FolderStore | undefined
  let api: TestApi
  /** A server of this network, which must not be asked. */
  let inside: TestServer
  /** An allowed one, which sends its clients there. */
  let outside: TestServer
  let asked = 0

  beforeAll(async () => {
    inside = await startHttp((_, response) => {
      asked++
      response.end('secret')
    })
    outside = await startHttp((request, response) => {
      const to = new URL(request.url!, 'http://x').searchParams.get('to')!
      response.writeHead(302, { location: to }).end()
    })
    const { database, modelId } = await fresh()
    store = await plantPhotos(database, modelId)
    api = await startApi(database, store, { allowHosts: [outside.host] })
  })
  afterAll(async () => {
    await api?.close()
    await inside?.close()
    await outside?.close()
    removeStore(store)
  })

  const ways = {
    search: (url: string) => api.post('/search', { picture_url: url }),
    part: (url: string) => api.post('/search', { parts: [{ words: 'snow' }, { picture_url: url }] }),
    embed: (url: string) => api.post('/embed', { picture_urls: [url] }),
  }
  const spellings = ({ port }: TestServer) =>
    [
      ...[
        '127.0.0.1',
        'localhost',
        '127.1',
        '2130706433',
        '0x7f.1',
        '0177.0.0.1',
        '[::ffff:127.0.0.1]',
        '[::1]',
        '0.0.0.0',
      ],
    ].map(host => `http://${host}:${port}/`)

  test('are refused however an address of this machine or its network is written', async () => {
    const urls = [
      ...spellings(inside),
      'http://169.254.169.254/latest/meta-data/',
      'http://10.0.0.1/',
      'http://[fd00::1]/',
    ]
    for (const [way, ask] of Object.entries(ways))
      for (const url of urls) {
        const answer = await ask(url)
        expect([answer.status, await answer.json()], `${way} ${url}`).toEqual([
          422,
          expect.objectContaining({
            code: 'INPUT_INVALID',
            detail: expect.stringMatching(/HOST_FORBIDDEN|INVALID_URL/),
          }),
        ])
      }
    expect(asked).toBe(0)
  })

  test('are refused when an allowed server sends to such an address, and the answer tells nothing of it', async () => {
    for (const [way, ask] of Object.entries(ways))
      for (const to of spellings(inside)) {
        const answer = await ask(`${outside.origin}/?to=${encodeURIComponent(to)}`)
        const text = await answer.text()
        expect([answer.status, text], `${way} ${to}`).toEqual([422, expect.stringMatching(/HOST_FORBIDDEN/)])
        expect(text).not.toContain('secret')
      }
    expect(asked).toBe(0)
  })

  test('have no other scheme than http and https, also after a redirect', async () => {
    for (const url of [
      'file:///etc/passwd',
      'ftp://127.0.0.1/',
      'gopher://127.0.0.1:70/',
      'data:image/png;base64,AAAA',
    ])
      for (const [way, ask] of Object.entries(ways)) expect((await ask(url)).status, `${way} ${url}`).toBe(400)
    for (const to of ['file:///etc/passwd', 'gopher://127.0.0.1:70/_', 'data:,x']) {
      const answer = await ways.search(`${outside.origin}/?to=${encodeURIComponent(to)}`)
      expect([answer.status, (await answer.json()) as object]).toEqual([
        422,
        expect.objectContaining({ code: 'INPUT_INVALID' }),
      ])
    }
  })
})
