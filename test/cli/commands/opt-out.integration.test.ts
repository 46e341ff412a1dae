import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sandbox } from '../../support/cli.js'
import { jpegPhoto } from '../../support/images/sample-images.js'
import { startHttp, type TestServer } from '../../support/servers/http-server.js'

describe('Photos whose server opts out', () => {
  let sandbox: Sandbox
  let server: TestServer
  beforeAll(async () => {
    const image = await jpegPhoto()
    server = await startHttp((request, response) => {
      if (request.url === '/noai.jpg') response.setHeader('x-robots-tag', 'noai')
      if (request.url === '/moved.jpg') {
        response.writeHead(302, { location: '/fine.jpg', 'tdm-reservation': '1' }).end()
      } else response.writeHead(200, { 'content-type': 'image/jpeg' }).end(image)
    })
    sandbox = await Sandbox.create({ ALLOW_HOSTS: server.host })
    const urls = ['fine', 'noai', 'moved'].map(name => `${server.origin}/${name}.jpg`)
    await writeFile(join(sandbox.home, 'urls.txt'), `${urls.join('\n')}\n`)
  })
  afterAll(async () => {
    await sandbox.close()
    await server.close()
  })

  test('are recorded as OPTED_OUT, the others are done', async () => {
    const { code, stderr, objects } = await sandbox.run('ingest', 'urls.txt', '--processes', '1', '--json')
    expect({ code, stderr }).toMatchObject({ code: 3 })
    expect(objects().at(-1)).toMatchObject({
      done: 1,
      failed: 2,
      failures: [
        { code: 'OPTED_OUT', photos: 2, message: expect.stringMatching(/X-Robots-Tag: noai|TDM-Reservation: 1/) },
      ],
    })
  })

  test('are taken with --ignore-opt-out, which is handed on to the workers of ingest', async () => {
    const retried = await sandbox.run(
      ...['ingest', '--retry-failed', 'OPTED_OUT', '--processes', '1', '--ignore-opt-out', '--json'],
    )
    expect(retried).toMatchObject({ code: 0 })
    expect(retried.objects().at(-1)).toMatchObject({ done: 2, failed: 0 })
  })

  test('are taken by a worker that says so once, when it starts', async () => {
    const { code, stderr } = await sandbox.run('worker', '--until-idle', '--ignore-opt-out', '--host-rate', '2.5')
    expect(stderr.match(/their servers opt out/g)).toHaveLength(1)
    expect(code).toBe(0)
  })

  test('a rate that is none is wrong usage', async () => {
    const { code, stderr } = await sandbox.run('worker', '--host-rate', 'fast')
    expect(stderr).toContain('HOST_RATE: expected requests per second, 0 to 100000; 0: no limit, found "fast"')
    expect(code).toBe(2)
  })
})
