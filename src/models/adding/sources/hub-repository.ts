import { setTimeout } from 'node:timers/promises'
import { backoffMs } from '../../../domain/backoff.js'
import { AppError } from '../../../domain/errors.js'
import { errorMessage } from '../../../domain/text/error-text.js'
import { fetchedPath } from '../../catalog/model-json.js'
import { DEFAULT_RETRY, type Retry } from '../../files/download.js'
import type { HubAnswer, HubSource } from '../../files/hub-source.js'
import { SourceError } from '../../files/source.js'
import { at, isObject, numberAt, objectAt, textAt } from '../json.js'
import { type ListedFile, type Listing, MAX_FILES, type Repository, tooManyFiles } from './repository.js'

const MIB = 1024 ** 2
/** A page lists up to 1,000 files. */
const MAX_PAGE_BYTES = 8 * MIB
const MAX_PAGES = 100

/** A repository of a Hugging Face hub, by its API: `/api/models/{repository}/revision/…` and `…/tree/…`. */
export class HubRepository implements Repository {
  readonly source: string
  readonly title: string

  constructor(
    readonly files: HubSource,
    private readonly repository: string,
    private readonly wanted: string,
    private readonly retry: Retry = DEFAULT_RETRY,
  ) {
    this.source = `hf:${repository}`
    this.title = repository.split('/')[1]!
  }

  async list(signal: AbortSignal): Promise<Listing> {
    const api = `${this.files.endpoint}/api/models/${this.repository}`
    try {
      const [info] = await this.json(`${api}/revision/${encodeURIComponent(this.wanted)}`, signal)
      const revision = textAt(info, 'sha') ?? ''
      if (!/^[0-9a-f]{40}$/.test(revision))
        throw this.#invalid(`the commit of ${this.wanted} in \`sha\``, JSON.stringify(at(info, 'sha')) ?? 'nothing')
      const license = at(info, 'cardData.license') ?? tagOf(info, 'license:')
      const base = [at(info, 'cardData.base_model')].flat()[0]
      return {
        revision,
        license: typeof license === 'string' ? license : undefined,
        base: typeof base === 'string' && base !== this.repository ? base : undefined,
        files: await this.#tree(`${api}/tree/${revision}?recursive=true`, signal),
      }
    } catch (error) {
      signal.throwIfAborted()
      throw error instanceof SourceError ? this.#failed(error) : error
    }
  }

  async #tree(first: string, signal: AbortSignal): Promise<ListedFile[]> {
    const files: ListedFile[] = []
    let address: string | undefined = first
    for (let page = 0; address !== undefined; page++) {
      if (page >= MAX_PAGES || files.length > MAX_FILES) throw tooManyFiles(this.source)
      const [entries, cursor]: [unknown, string | undefined] = await this.json(address, signal)
      if (!Array.isArray(entries)) throw this.#invalid('a list of files', typeof entries)
      files.push(...entries.flatMap(listed))
      address = cursor === undefined ? undefined : `${first}&cursor=${encodeURIComponent(cursor)}`
    }
    return files
  }

  /** As files are fetched: a broken connection and a busy hub get more attempts. */
  private async json(address: string, signal: AbortSignal): Promise<[json: unknown, cursor: string | undefined]> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.#ask(address, signal)
      } catch (error) {
        signal.throwIfAborted()
        const { attempts, firstMs } = this.retry
        if (!isPassing(error) || failures >= attempts) throw error
        await setTimeout(backoffMs(failures - 1, { firstMs }), undefined, { signal })
      }
    }
  }

  /** @returns a JSON answer, and the cursor of the next page */
  async #ask(address: string, signal: AbortSignal): Promise<[json: unknown, cursor: string | undefined]> {
    const answer = await this.files.get(address, 0, signal)
    try {
      const text = await readText(answer)
      try {
        return [JSON.parse(text), cursorOf(answer.headers.link)]
      } catch (cause) {
        throw this.#invalid(`a JSON answer of ${address}`, errorMessage(cause))
      }
    } finally {
      await answer.close()
    }
  }

  #failed(cause: SourceError): AppError {
    const where = `${this.source} at revision ${this.wanted} of ${this.files.endpoint}`
    if (cause.kind === 'missing')
      return new AppError(
        'MODEL_NOT_FOUND',
        `Expected ${where}, found nothing: ${cause.message}. Check the name and the revision; HF_ENDPOINT names the hub.`,
        { cause },
      )
    return new AppError(
      'MODEL_DOWNLOAD_FAILED',
      `Could not list ${where}: ${cause.message}. ${isPassing(cause) ? 'Try again later. ' : ''}HF_ENDPOINT names the hub. Without a network, copy the repository and add its folder.`,
      { cause },
    )
  }

  #invalid(expected: string, found: string): AppError {
    return new AppError(
      'MODEL_INVALID',
      `${this.source}: expected ${expected}, found ${found}. HF_ENDPOINT (${this.files.endpoint}) may not be a hub with the API of huggingface.co.`,
    )
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof SourceError && error.kind === 'interrupted'
}

async function readText(answer: HubAnswer): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of answer.body) {
    bytes += chunk.length
    if (bytes > MAX_PAGE_BYTES)
      throw new SourceError('refused', `expected an answer of at most ${MAX_PAGE_BYTES} bytes, found more`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** The answer names its next page by an address of the hub; a mirror may name another host, so only the cursor counts. */
function cursorOf(link: string | string[] | undefined): string | undefined {
  const [, next] = /<([^>]*)>\s*;\s*rel="?next"?/.exec([link].flat().join(',')) ?? []
  if (next === undefined || !URL.canParse(next, 'http://hub')) return undefined
  return new URL(next, 'http://hub').searchParams.get('cursor') ?? undefined
}

/** Leaves out folders, and paths that this program would not write. */
function listed(entry: unknown): ListedFile[] {
  if (!isObject(entry) || textAt(entry, 'type') !== 'file') return []
  const path = fetchedPath.safeParse(entry.path)
  const lfs = objectAt(entry, 'lfs')
  const bytes = numberAt(lfs, 'size') ?? numberAt(entry, 'size')
  if (!path.success || bytes === undefined || !Number.isSafeInteger(bytes) || bytes < 0) return []
  const sha256 = hexAt(lfs, 'oid', 64)
  return [{ path: path.data, bytes, ...(sha256 ? { sha256 } : { gitOid: hexAt(entry, 'oid', 40) }) }]
}

function hexAt(json: unknown, path: string, digits: number): string | undefined {
  const text = textAt(json, path)
  return text?.length === digits && /^[0-9a-f]*$/.test(text) ? text : undefined
}

function tagOf(info: unknown, start: string): string | undefined {
  const tags = at(info, 'tags')
  const tag = Array.isArray(tags) ? tags.find(tag => typeof tag === 'string' && tag.startsWith(start)) : undefined
  return tag?.slice(start.length)
}
