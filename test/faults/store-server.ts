import { request as send } from 'node:http'
import { type S3Server, startS3 } from '../support/s3.js'
import { MoodyServer } from './moody-server.js'

/** s3rver behind a server of changing moods. */
export interface StoreServer {
  s3: S3Server
  front: MoodyServer
  close(): Promise<void>
}

export async function startStoreServer(): Promise<StoreServer> {
  const s3 = await startS3()
  const { hostname, port } = new URL(s3.endpoint)
  const front = await MoodyServer.start((request, response) => {
    const { method, url, headers } = request
    const onward = send({ hostname, port, method, path: url, headers }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  return {
    s3,
    front,
    async close() {
      await front.close()
      await s3.close()
    },
  }
}
