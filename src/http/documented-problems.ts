import { PROBLEM_TYPE } from './schemas/problem.js'

/** What each status of a problem means, for every operation alike. */
const MEANINGS: Record<number, string> = {
  400: 'The request does not fit the schema, or is no HTTP.',
  401: 'A key is needed, or the one of the request is not valid.',
  403: 'The key has not the scope that this needs, or a page of another origin sends the request.',
  404: 'What the request names does not exist.',
  409: 'What the request names is not in a state for it: not embedded yet, or cancelled.',
  413: 'The body is too large.',
  415: 'The content type is not one of this operation.',
  416: 'The range begins behind the end.',
  421: 'The Host is not a name of this server.',
  422: 'The request fits the schema and cannot be met: a wrong condition, a damaged picture, a vector of another length.',
  429: 'Too many requests, or too many wrong keys.',
  431: 'The address and the headers are longer than 16 KiB.',
  500: 'The server failed; its log says why.',
  503: 'The server is busy, or something that it needs is not reachable.',
  504: 'A picture did not come in time.',
}
const TRY_AGAIN = { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } }

export interface Operation {
  operationId: string
  security?: object[]
  parameters?: { in: string; name: string }[]
  requestBody?: unknown
  responses: Record<string, object>
}
interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: object
}

/** Operations that fetch pictures by their addresses. */
const FETCHING = new Set(['searchBy', 'embed', 'facetsBy', 'placesBy', 'sharedWordsBy'])
/** Operations that answer from memory, also while all others wait. */
const PROBES = new Set(['healthz', 'readyz'])

/** Names every status that an operation can answer with, in place of the classes `4XX` and `5XX`. */
export function withProblems<T extends Document>(document: T): T {
  const used = new Set<number>()
  const paths = Object.entries(document.paths ?? {}).map(([path, methods]) => [
    path,
    Object.fromEntries(
      Object.entries(methods).map(([method, operation]) => {
        const { '4XX': _, '5XX': __, ...responses } = operation.responses
        for (const status of statusesOf(method, operation)) {
          if (Object.hasOwn(responses, status)) continue
          responses[status] = { $ref: `#/components/responses/Problem${status}` }
          used.add(status)
        }
        return [method, { ...operation, responses }]
      }),
    ),
  ])
  const responses = Object.fromEntries(
    Object.entries(MEANINGS)
      .filter(([status]) => used.has(Number(status)))
      .map(([status, description]) => [`Problem${status}`, problem(Number(status), description)]),
  )
  return { ...document, paths: Object.fromEntries(paths), components: { ...document.components, responses } }
}

function problem(status: number, description: string): object {
  return {
    description,
    ...(status === 429 || status === 503 ? { headers: TRY_AGAIN } : {}),
    content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
  }
}

function statusesOf(method: string, { operationId, parameters = [], requestBody, responses }: Operation): number[] {
  const always = [400, 403, 421, 431, 500]
  if (PROBES.has(operationId)) return always
  const names = (place: string) => parameters.some(parameter => parameter.in === place)
  const isNarrowed = names('query') || requestBody !== undefined
  return [
    ...always,
    ...[401, 429, 503],
    ...(names('path') || isNarrowed ? [404, 409] : []),
    ...(isNarrowed ? [422] : []),
    ...(method === 'get' ? [] : [413, 415]),
    ...(Object.hasOwn(responses, 206) ? [416] : []),
    ...(FETCHING.has(operationId) ? [504] : []),
  ].sort((a, b) => a - b)
}
