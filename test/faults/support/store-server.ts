import { request as send } from 'node:http'
import { type S3Server, startS3 } from '../../support/servers/s3.js'
import { MoodyServer } from './moody-server.js'

/** s3rver behind a server of changing moods. */
export interface StoreServer {
  s3: S3Server
  front: MoodyServer
  /** Requests that are answered with 403; nothing by default. */
  forbids: (method: string, path: string) => boolean
  close(): Promise<void>
}

export async function startStoreServer(): Promise<StoreServer> {
  const s3 = await startS3()
  const { hostname, port } = new URL(s3.endpoint)
  const front = await MoodyServer.start((request, response) => {
    const { method = '', url = '', headers } = request
    if (served.forbids(method, url)) {
      request.resume()
      const body = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
      response.writeHead(403, { 'content-type': 'application/xml' }).end(method === 'HEAD' ? undefined : body)
      return
    }
    const onward = send({ hostname, port, method, path: url, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  const served: StoreServer = {
    s3,
    front,
    forbids: () => false,
    async close() {
      await front.close()
      await s3.close()
    },
  }
  return served
}
