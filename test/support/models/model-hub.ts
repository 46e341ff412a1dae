import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A repository of a hub: its files by path, at one commit. */
export interface HubRepositoryFiles {
  readonly commit: string
  readonly files: Map<string, Buffer>
  readonly license?: string
  /** `cardData.base_model`. */
  readonly base?: string
  /** A token without which the hub answers 401. */
  readonly token?: string
}

interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly authorization?: string
  readonly range?: string
}

/** Files above this size are in large file storage, as `.gitattributes` of the hub's repositories have it for ONNX. */
const isLarge = (path: string) => /\.(onnx|onnx_data|safetensors|data)$/.test(path)

/**
 * A model hub on loopback with the API of huggingface.co: the commit of a revision, the list of its files in pages, and
 * files, of which large ones are redirected to a content network on another host (`localhost`).
 */
export class ModelHub {
  readonly repositories = new Map<string, HubRepositoryFiles>()
  /** Requests to the hub, and to its content network. */
  readonly requests: SeenRequest[] = []
  readonly contentRequests: SeenRequest[] = []
  /** Files per page of a list. */
  pageSize = 1000
  /** Bytes that the content network sends instead, by path. */
  readonly tampered = new Map<string, Buffer>()
  /** Cuts the next answers of the content network after so many bytes, once they have `arrived`. */
  readonly cuts: number[] = []
  #held: { readonly bytes: number; readonly response: ServerResponse } | undefined

  private constructor(
    private readonly hub: Server,
    private readonly content: Server,
  ) {}

  static async start(): Promise<ModelHub> {
    const started: ModelHub = new ModelHub(
      createServer((request, response) => started.#answer(request, response)),
      createServer((request, response) => started.#send(request, response)),
    )
    for (const server of [started.hub, started.content])
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return started
  }

  /** Publishes the files of a folder. @param commit 40 hex digits; default: made of the name */
  publish(
    repository: string,
    folder: string,
    { commit, ...facts }: Partial<Omit<HubRepositoryFiles, 'files'>> = {},
  ): HubRepositoryFiles {
    const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .sort()
    const files = new Map(paths.map(path => [path.slice(folder.length + 1), readFileSync(path)]))
    const published = { ...facts, commit: commit ?? sha1(repository), files }
    this.repositories.set(repository, published)
    return published
  }

  /** To be told how many bytes of the file under way the reader has: so a cut never loses bytes on their way. */
  arrived(bytes: number): void {
    if (this.#held === undefined || bytes < this.#held.bytes) return
    this.#held.response.destroy()
    this.#held = undefined
  }

  get endpoint(): string {
    return `http://127.0.0.1:${portOf(this.hub)}`
  }

  async close(): Promise<void> {
    for (const server of [this.hub, this.content]) {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url!, 'http://hub')
    const path = decodeURIComponent(pathname)
    this.requests.push(seen(request, path))
    const [, api, name = '', rest = ''] = /^(\/api\/models)?\/([^/]+\/[^/]+)\/(.*)$/.exec(path) ?? []
    const repository = this.repositories.get(name)
    const mayRead = repository?.token === undefined || request.headers.authorization === `Bearer ${repository.token}`
    const [, what, revision = '', file = ''] = /^(revision|tree|resolve)\/([^/]+)\/?(.*)$/.exec(rest) ?? []
    if (!repository || !mayRead) response.writeHead(401).end('{"error":"Repository not found"}')
    else if (revision !== 'main' && revision !== repository.commit)
      response.writeHead(404).end('{"error":"Invalid rev id"}')
    else if (api && what === 'revision') json(response, describe(name, repository))
    else if (api && what === 'tree') this.#list(repository, Number(searchParams.get('cursor') ?? 0), name, response)
    else this.#resolve(repository, name, file, request, response)
  }

  #resolve(
    { commit, files }: HubRepositoryFiles,
    name: string,
    file: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    response.setHeader('x-repo-commit', commit)
    const bytes = files.get(file)
    if (!bytes) response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end('Entry not found')
    else if (!isLarge(file)) {
      response.setHeader('etag', `"${gitOid(bytes)}"`)
      part(request, response, bytes)
    } else {
      const location = `http://localhost:${portOf(this.content)}/${name}/${file}?Signature=secret`
      const linked = { 'x-linked-etag': `"${sha256(bytes)}"`, 'x-linked-size': bytes.length }
      response.writeHead(302, { ...linked, location }).end()
    }
  }

  #list(repository: HubRepositoryFiles, from: number, name: string, response: ServerResponse): void {
    const all = [...repository.files].map(([path, bytes]) => ({
      type: 'file',
      path,
      size: bytes.length,
      oid: isLarge(path) ? sha1(`pointer ${path}`) : gitOid(bytes),
      ...(isLarge(path) ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 134 } } : {}),
    }))
    const folders = [...new Set([...repository.files.keys()].flatMap(path => path.split('/').slice(0, -1)))]
    const entries = [...folders.map(path => ({ type: 'directory', path, size: 0, oid: sha1(path) })), ...all]
    const next = from + this.pageSize
    if (next < entries.length)
      response.setHeader(
        'link',
        `<https://huggingface.co/api/models/${name}/tree/${repository.commit}?recursive=true&cursor=${next}>; rel="next"`,
      )
    json(response, entries.slice(from, next))
  }

  /** The content network. */
  #send(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(new URL(request.url!, 'http://content').pathname).slice(1)
    this.contentRequests.push(seen(request, path))
    const [owner, title, ...file] = path.split('/')
    const bytes =
      this.tampered.get(file.join('/')) ?? this.repositories.get(`${owner}/${title}`)?.files.get(file.join('/'))
    const cut = this.cuts.shift()
    if (cut !== undefined) this.#held = { bytes: cut, response }
    if (bytes) part(request, response, bytes, cut)
    else response.writeHead(404).end()
  }
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

function seen({ method, headers }: IncomingMessage, path: string): SeenRequest {
  const { authorization, range } = headers
  return { method: method!, path, ...(authorization ? { authorization } : {}), ...(range ? { range } : {}) }
}

function describe(id: string, { commit, files, license, base }: HubRepositoryFiles): object {
  const siblings = [...files.keys()].map(rfilename => ({ rfilename }))
  const cardData = { ...(license ? { license } : {}), ...(base ? { base_model: base } : {}) }
  return {
    id,
    sha: commit,
    private: false,
    gated: false,
    siblings,
    cardData,
    tags: license ? [`license:${license}`] : [],
  }
}

function json(response: ServerResponse, content: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(content))
}

function part(request: IncomingMessage, response: ServerResponse, bytes: Buffer, cutAfter?: number): void {
  const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const body = bytes.subarray(offset)
  const range = offset > 0 ? { 'content-range': `bytes ${offset}-${bytes.length - 1}/${bytes.length}` } : {}
  response.writeHead(offset > 0 ? 206 : 200, { 'content-length': body.length, ...range })
  if (cutAfter === undefined) response.end(body)
  else response.write(body.subarray(0, cutAfter))
}

export const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
const sha1 = (bytes: Buffer | string) => createHash('sha1').update(bytes).digest('hex')
const gitOid = (bytes: Buffer) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
