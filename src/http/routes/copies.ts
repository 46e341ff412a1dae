import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError, PhotoError, RequestError } from '../../domain/errors.js'
import { isCopyKey } from '../../domain/places/copy-key.js'
import { seenSquare, smallerCopy } from '../../images/served-pictures.js'
import { byteRange } from '../byte-range.js'
import type { HttpApp } from '../http-app.js'
import type { HttpParts } from '../parts.js'
import { entityTag } from '../plugins/headers.js'
import type { RecentBuffers } from '../recent-buffers.js'
import { PhotoId } from '../schemas/photo.js'
import { PROBLEMS } from '../schemas/problem.js'
import { Binary, Model } from '../schemas/search.js'

/** Heights of copies beside the stored one. A short list, so that nobody makes the server compute thousands. */
const HEIGHTS = [64, 128, 256, 384] as const
/** A copy of the same key holds the same photo. */
const FOREVER = 'private, max-age=31536000, immutable'
const REVALIDATED = 'private, no-cache'
/** How long a signed address is valid, and how long a client may keep it. */
const SIGNED_SECONDS = 900
const KEPT_SECONDS = 600

const Height = z.strictObject({
  height: z
    .literal(HEIGHTS)
    .optional()
    .describe('Height of the copy. A lower copy stays as it is. Default: that of the stored copy.'),
})
const JPEG = {
  200: { description: 'The copy.', content: { 'image/jpeg': { schema: Binary } } },
  206: { description: 'The requested range of the copy.', content: { 'image/jpeg': { schema: Binary } } },
  302: z
    .undefined()
    .describe('Of a server with S3_SIGNED_COPIES, for a whole copy: `Location` is its address for some minutes.'),
}

/** The stored copies, and what models see. @param recent pictures that were sent lately */
export function addCopyRoutes(app: HttpApp, parts: HttpParts, recent: RecentBuffers): void {
  app.get(
    '/copies/:settings/:file',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'copy',
        summary: 'A stored copy, by its key',
        description: 'The path is `copy` of a hit. Its content never changes, so that clients may keep it.',
        tags: ['pictures'],
        params: z.strictObject({ settings: z.string().max(20), file: z.string().max(100) }),
        querystring: Height,
        response: { ...JPEG, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { settings, file } = request.params
      return sendCopy(request, reply, `${settings}/${file}`, FOREVER)
    },
  )

  app.get(
    '/photos/:id/copy',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'copyOfPhoto',
        summary: 'The stored copy of a photo',
        tags: ['pictures'],
        params: z.strictObject({ id: PhotoId }),
        querystring: Height.extend({ model: Model.optional() }),
        response: { ...JPEG, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { model } = request.query
      return sendCopy(request, reply, await keyOf(request.params.id, model), REVALIDATED)
    },
  )

  app.get(
    '/photos/:id/square',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'squareOfPhoto',
        summary: 'The square that the model sees of a photo',
        description:
          'Made of the stored copy, so that its pixels differ a little from those made of the original, which the model saw.',
        tags: ['pictures'],
        params: z.strictObject({ id: PhotoId }),
        querystring: z.strictObject({ model: Model.optional() }),
        response: {
          200: { description: 'The square.', content: { 'image/png': { schema: Binary } } },
          206: { description: 'The requested range.', content: { 'image/png': { schema: Binary } } },
          ...PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const model = await parts.search.model(request.query.model)
      if (model.spec === null)
        throw new AppError(
          'MODEL_UNKNOWN',
          `This server does not know ${model.key}. Take over the models.lock.json of the machine that added it (MODELS_LOCK), or name its folder in MODEL_FOLDERS.`,
        )
      const { input } = model.spec
      const key = await keyOf(id, model.key)
      const png = await kept(`${key} seen by ${model.key}`, async () =>
        seenSquare(await readCopy(key, undefined), input, parts.images),
      )
      return send(request, reply, png, 'image/png', REVALIDATED)
    },
  )

  /** Sends a copy, or the address at which the client gets it. A signature is valid for GET only. */
  async function sendCopy(
    request: FastifyRequest & { query: { height?: number } },
    reply: FastifyReply,
    key: string,
    cacheControl: string,
  ): Promise<FastifyReply> {
    const { height } = request.query
    const { signedCopies, store } = parts
    const isWhole = height === undefined && request.method === 'GET' && isCopyKey(key)
    if (signedCopies !== null && isWhole && (await (await store()).has(key))) {
      reply.header('cache-control', `private, max-age=${KEPT_SECONDS}`)
      return reply.redirect(await signedCopies.sign(key, SIGNED_SECONDS), 302)
    }
    return send(request, reply, await readCopy(key, height), 'image/jpeg', cacheControl)
  }

  /** The key of the copy of a photo: of a model, or of the first that has one. */
  async function keyOf(id: string, model: string | undefined): Promise<string> {
    const { states } = await parts.search.photo(id)
    const wanted = model === undefined ? undefined : (await parts.search.model(model)).key
    const found = states.find(state => state.storedKey !== null && (wanted === undefined || state.modelKey === wanted))
    if (found) return found.storedKey!
    throw missing(`No copy of photo ${id} is stored.`)
  }

  async function readCopy(key: string, height: number | undefined): Promise<Buffer> {
    if (!isCopyKey(key)) throw missing(`There is no copy ${JSON.stringify(key)}.`)
    const whole = () =>
      kept(key, async () => {
        const copy = await (await parts.store()).get(key)
        if (copy === null) throw missing(`The store has no copy ${key}.`)
        return copy
      })
    if (height === undefined) return whole()
    return kept(`${key} at ${height}`, async () => smallerCopy(await whole(), height))
  }

  async function kept(name: string, make: () => Promise<Buffer>): Promise<Buffer> {
    const known = recent.get(name)
    if (known) return known
    const made = await make().catch(error => {
      throw error instanceof PhotoError && error.code === 'DECODE_FAILED'
        ? missing(`The stored copy is damaged: ${error.message}`)
        : error
    })
    recent.put(name, made)
    return made
  }
}

/** Sends a picture or a range of it. */
function send(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  picture: Buffer,
  type: string,
  cacheControl: string,
): FastifyReply {
  const tag = entityTag(picture)
  reply.headers({ etag: tag, 'accept-ranges': 'bytes', 'cache-control': cacheControl }).type(type)
  const isSame = headers['if-range'] === undefined || headers['if-range'] === tag
  // What RFC 9110 (15.5.17) wants with a 416, when byteRange refuses.
  reply.header('content-range', `bytes */${picture.length}`)
  const range = isSame && headers['if-none-match'] === undefined ? byteRange(headers.range, picture.length) : null
  if (range === null) return reply.removeHeader('content-range').send(picture)
  const { first, last } = range
  reply.code(206).header('content-range', `bytes ${first}-${last}/${picture.length}`)
  return reply.send(picture.subarray(first, last + 1))
}

function missing(message: string): RequestError {
  return new RequestError('COPY_NOT_FOUND', message, {
    action: 'Ingest the photo again to store its copy, or check OBJECT_STORE of the server.',
  })
}
