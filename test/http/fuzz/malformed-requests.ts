import { readFileSync } from 'node:fs'

interface Parameter {
  in: string
  name: string
  schema: { type?: string; enum?: unknown[] }
}
interface Operation {
  method: string
  path: string
  parameters: Parameter[]
  hasBody: boolean
}

const DOCUMENT = JSON.parse(readFileSync('docs/openapi.json', 'utf8')) as {
  paths: Record<string, Record<string, { parameters?: Parameter[]; requestBody?: object }>>
}
/** Streams of a run have no end. */
const ENDLESS = /\/events$/
export const OPERATIONS: readonly Operation[] = Object.entries(DOCUMENT.paths)
  .filter(([path]) => !ENDLESS.test(path))
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      ...{ method: method.toUpperCase(), path, parameters },
      hasBody: requestBody !== undefined,
    })),
  )

/** Values that a validator, a parser of SQL or a file system may trip over. */
const TEXTS = [
  ...[
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\ud800',
    '\u202e',
    '\ufeff',
    '%',
    '%00',
    '%ff%fe',
    '..',
    '../../etc/passwd',
    '..\\..',
  ],
  ...['null', 'undefined', 'true', 'NaN', '-0', '0', '-1', '1e999', '9007199254740993', '1.5', '0x10', '١٢', '１'],
  ...[
    "'",
    '"',
    "' or 1=1 --",
    '$1',
    '$$',
    '\\',
    '`',
    '{{7*7}}',
    '<script>alert(1)</script>',
    '[]',
    '{}',
    '[object Object]',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'time=',
    'time=at night:2',
    '=:',
    'a=b:c',
    'exif_iso>=',
    'exif_iso in |',
    ',',
  ],
  ...[
    '91,181,1',
    'nan,nan,nan',
    '1,2,-3',
    '1e400,0,1',
    'http://[::1',
    'http://127.0.0.1:9/a.jpg',
    'file:///etc/passwd',
  ],
  ...[
    'photo_submitted_at=2014-02-30',
    'photo_submitted_at=99999',
    'photo_location_latitude~1',
    'night',
    'dog',
    'run-1',
  ],
  ...[
    'data:,',
    'x'.repeat(300),
    '😀'.repeat(200),
    'a b',
    'a/b',
    'a;b',
    'a?b',
    'a#b',
    '\r\nX-Injected: 1',
    '\t',
    '\u0085',
  ],
] as const
const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, -1e308, 2 ** 53, [], {}, [[]], [null], { a: 1 }],
  ...TEXTS,
]
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'QUERY', 'get', 'FOO', 'PROPFIND']
const CONTENT_TYPES = [
  ...['application/json', 'application/json; charset=utf-16', 'application/json;', 'APPLICATION/JSON', 'text/json'],
  ...[
    'image/png',
    'image/',
    'application/octet-stream',
    'multipart/form-data',
    'text/plain',
    '*/*',
    '',
    'a',
    ';',
    'x'.repeat(500),
  ],
]
/** Well-formed bodies by the end of the path that takes them. */
const BODIES: readonly (readonly [path: string, body: object])[] = [
  ['/search', { words: 'snow', k: 2 }],
  ['/search', { vector: [0, 0, 1, 0], min_score: 0, facets: ['country'] }],
  [
    '/search',
    {
      parts: [
        { words: 'snow', weight: 2 },
        { photo: 'dog', weight: -1 },
      ],
    },
  ],
  ['/search', { words: 'a dog', labels: [{ set: 'time', label: 'snow', min_score: 0.1 }] }],
  [
    '/search',
    { words: 'a dog', filters: [{ column: 'exif_iso', operator: '>', value: 1 }, { orientation: 'landscape' }] },
  ],
  ['/search', { photo: 'night', filters: [{ near: { latitude: 60, longitude: 5, km: 10 } }, { photos: ['dog'] }] }],
  [
    '/search',
    { words: 'snow', filters: [{ keyword: 'dog', min_confidence: 50 }, { collection: 'x' }, { color: 'red' }] },
  ],
  ['/search', { picture: 'iVBORw0KGgo=' }],
  ['/embed', { texts: ['snow'], pictures: ['R0lGODlhAQABAAAAACw='] }],
  [
    '/ingest',
    { photos: [{ url: 'https://images.example/a.jpg', id: 'a', metadata: { exif_iso: 100 } }], priority: 'low' },
  ],
  ['/photos/delete', { photos: ['nobody'] }],
  ['/marks', { marks: [{ photo_id: 'night', label: 'at night', correct: true, at_random: false }] }],
  ['/session', { key: 'uc_00000000_x' }],
  ['/retry', { code: 'TIMEOUT' }],
]
/** Parameters without which a path answers nothing. */
const NEEDED: Record<string, string> = { '/api/v1/search': 'q=snow' }
/** Starts of files whose rest does not come, or is not what it says. */
const FILES = [
  Buffer.from('ffd8ffe000104a46494600010100000100010000ffdb', 'hex'),
  Buffer.from('89504e470d0a1a0a0000000d494844527fffffff7fffffff0806000000', 'hex'),
  Buffer.from('GIF89a\u00ff\u00ff\u00ff\u00ff', 'latin1'),
  Buffer.from('RIFF\u0000\u0000\u0000\u0000WEBPVP8L', 'latin1'),
  Buffer.from('BM\u0036\u0000\u0000\u0000\u0000\u0000', 'latin1'),
  Buffer.from('0000001c66747970617669660000', 'hex'),
  Buffer.from('II*\u0000\u0008\u0000\u0000\u0000\u00ff\u00ff', 'latin1'),
  Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
  Buffer.from('%PDF-1.7'),
  Buffer.alloc(0),
]

/** What a client sends that is no request of HTTP/1.1, or almost one. */
const NO_REQUESTS: readonly string[] = [
  '\r\n\r\n',
  'GET\r\n\r\n',
  'GET /api/v1/models\r\n\r\n',
  'GET /api/v1/models HTTP/9.9\r\nHost: localhost\r\n\r\n',
  'GET  /api/v1/models  HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /api/v1/models HTTP/1.1\nHost: localhost\n\n',
  'GET /api/v1/models HTTP/1.1\r\n\r\n',
  'GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n',
  'GET /api/v1/models HTTP/1.1\r\nHost : localhost\r\n\r\n',
  'GET /api/v1/models HTTP/1.1\r\nno colon\r\n\r\n',
  'GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\nX: a\u0000b\r\n\r\n',
  'GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\n folded: yes\r\n\r\n',
  `GET /${'x'.repeat(70_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  `GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
  `GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\n${'X: y\r\n'.repeat(3000)}\r\n`,
  'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"words"',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n{',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  'POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nExpect: nonsense\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  'GET /api/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/v1/models HTTP/1.1\r\n\u0001\u0002\r\n\r\n',
]

/** Makes requests that are wrong in one way or another; the same for the same numbers. */
export class MalformedRequests {
  /** @param random numbers in [-0.5, 0.5) */
  constructor(private readonly random: () => number) {}

  /** The bytes of the next request. */
  next(): Buffer {
    const kinds = [
      this.#noRequest,
      this.#parameters,
      this.#parameters,
      this.#body,
      this.#body,
      this.#file,
      this.#headers,
    ]
    return this.#one(kinds).call(this)
  }

  #noRequest(): Buffer {
    const bytes = Buffer.from(this.#one(NO_REQUESTS), 'latin1')
    // Now and then with another byte, or cut off.
    if (this.#chance(0.3)) bytes[this.#below(bytes.length)] = this.#below(256)
    return this.#chance(0.2) ? bytes.subarray(0, this.#below(bytes.length)) : bytes
  }

  #parameters(): Buffer {
    const operation = this.#one(OPERATIONS)
    return this.#request(operation, this.#headersOf(operation), operation.hasBody ? '{}' : '')
  }

  #body(): Buffer {
    const [end, wellFormed] = this.#one(BODIES)
    const ofBody = OPERATIONS.find(({ path, hasBody }) => hasBody && path.endsWith(end))!
    // Now and then the body of something else.
    const operation = this.#chance(0.1) ? this.#one(OPERATIONS.filter(({ hasBody }) => hasBody)) : ofBody
    let body = JSON.stringify(this.#mutated(wellFormed, 1 + this.#below(2))) ?? ''
    if (this.#chance(0.15)) body = body.slice(0, this.#below(body.length))
    if (this.#chance(0.1)) body = body.replace(/[\]}",:]/, this.#one(['', ',', '}', '"', '\u0000', '//']))
    if (this.#chance(0.05)) body = '['.repeat(5000) + body
    if (this.#chance(0.05)) body = `{"words":"a",${body.slice(1)}`
    return this.#request(operation, this.#headersOf(operation), body)
  }

  #file(): Buffer {
    const noise = Buffer.from(Array.from({ length: this.#below(200) }, () => this.#below(256)))
    const picture = Buffer.concat([this.#one(FILES), noise])
    const operation = OPERATIONS.find(({ path }) => path.endsWith('/search/picture'))!
    const type = this.#one(['image/jpeg', 'image/png', 'image/x', 'application/octet-stream', 'application/json'])
    return this.#request(operation, { 'Content-Type': type }, picture)
  }

  #headers(): Buffer {
    const operation = this.#one(OPERATIONS)
    const names = [
      'Host',
      'Origin',
      'Range',
      'If-None-Match',
      'If-Range',
      'Accept',
      'Accept-Encoding',
      'Cookie',
      'Authorization',
    ]
    const more = [
      ...names,
      'X-Api-Key',
      'Idempotency-Key',
      'X-Forwarded-For',
      'Content-Type',
      'Content-Length',
      'traceparent',
    ]
    const headers = { ...this.#headersOf(operation) }
    for (let count = 1 + this.#below(3); count > 0; count--) headers[this.#one(more)] = this.#headerValue()
    return this.#request(operation, headers, operation.hasBody ? '{"words":"snow"}' : '')
  }

  #headersOf({ hasBody }: Operation): Record<string, string> {
    const type = this.#chance(0.2) ? this.#one(CONTENT_TYPES) : 'application/json'
    return {
      ...(hasBody ? { 'Content-Type': type } : {}),
      ...(this.#chance(0.5) ? { 'X-Requested-With': 'test' } : {}),
    }
  }

  #headerValue(): string {
    const known = [
      'bytes=0-',
      'bytes=9-1',
      'bytes=-',
      'bytes=0-1,2-3',
      'W/"a"',
      '*',
      'Bearer ',
      'Bearer uc_00000000_x',
      'null',
    ]
    const text = this.#chance(0.5) ? this.#one(known) : this.#one(TEXTS)
    // A line of its own would be another header.
    return text.replaceAll(/\p{Cc}/gu, ' ').slice(0, 300)
  }

  #request({ method, path, parameters }: Operation, headers: Record<string, string>, body: string | Buffer): Buffer {
    const filled = path.replaceAll(/\{(\w+)\}/g, () => this.#segment())
    const query = Array.from(
      { length: this.#parameterCount(parameters) },
      () => `${this.#parameterName(parameters)}=${this.#encoded()}`,
    )
    if (this.#chance(0.02)) query.push(...Array.from({ length: 150 }, () => `where=${this.#encoded()}`))
    const needed = NEEDED[path]
    if (needed !== undefined && method === 'GET' && this.#chance(0.7)) query.unshift(needed)
    const target = query.length > 0 ? `${filled}?${query.join('&')}` : filled
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body)
    const sent = this.#chance(0.1) ? this.#one(METHODS) : method
    const lines = Object.entries({
      Host: 'localhost',
      Connection: 'close',
      ...(bytes.length > 0 || headers['Content-Type'] !== undefined ? { 'Content-Length': String(bytes.length) } : {}),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    return Buffer.concat([Buffer.from(`${sent} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes])
  }

  #segment(): string {
    if (this.#chance(0.4)) return this.#one(['night', 'dog', 'time', 'run-1', 'h512-q65', 'dog.jpg', 'nobody'])
    return this.#encoded() || 'x'
  }

  /** A parameter that a path does not have is refused before all else. */
  #parameterCount(parameters: readonly Parameter[]): number {
    const isKnown = parameters.some(({ in: place }) => place === 'query')
    return this.#chance(isKnown ? 0.6 : 0.1) ? 1 + this.#below(3) : 0
  }

  #parameterName(parameters: readonly Parameter[]): string {
    const known = parameters.filter(({ in: place }) => place === 'query').map(({ name }) => name)
    return known.length > 0 && this.#chance(0.9) ? this.#one(known) : encodeURIComponent(this.#text())
  }

  #encoded(): string {
    const text = this.#text()
    if (this.#chance(0.1)) return text.replaceAll(/[\s\p{Cc}]/gu, '')
    return encodeURIComponent(text)
  }

  /** Lone halves of a character are in no address. */
  #text(): string {
    return this.#one(TEXTS).replaceAll(/\p{Surrogate}/gu, '\ufffd')
  }

  /** The same value with some of its parts replaced. */
  #mutated(value: unknown, changes: number): unknown {
    let result = value
    for (let change = 0; change < changes; change++) result = this.#changed(result)
    return result
  }

  #changed(value: unknown): unknown {
    if (Array.isArray(value) && value.length > 0 && this.#chance(0.8)) {
      const at = this.#below(value.length)
      if (this.#chance(0.1)) return Array.from({ length: 300 }, () => value[at])
      return value.map((one, index) => (index === at ? this.#changed(one) : one))
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && this.#chance(0.9)) {
      const names = Object.keys(value)
      if (names.length === 0 || this.#chance(0.15)) return { ...value, [this.#one(TEXTS)]: this.#one(VALUES) }
      const name = this.#one(names)
      if (this.#chance(0.1)) return Object.fromEntries(Object.entries(value).filter(([key]) => key !== name))
      return { ...value, [name]: this.#changed((value as Record<string, unknown>)[name]) }
    }
    return this.#one(VALUES)
  }

  #chance(share: number): boolean {
    return this.random() + 0.5 < share
  }

  #below(count: number): number {
    return Math.floor((this.random() + 0.5) * count)
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!
  }
}
