import { z } from 'zod'

export const PROBLEM_TYPE = 'application/problem+json'

/** RFC 9457. */
export const Problem = z
  .object({
    type: z.url().describe('Page that explains the code; the code is its fragment.'),
    title: z.string().describe('The code in words.'),
    status: z.int().min(400).max(599).describe('Status of the response.'),
    detail: z.string().describe('What was expected, what was found, and what to do.'),
    code: z.string().describe('Stable code.'),
    request_id: z.string().describe('Id of the request in the log of the server, as in `x-request-id`.'),
    field: z.string().optional().describe('The part of the request at fault, such as `query.k`.'),
    expected: z.string().optional(),
    found: z.string().optional(),
    action: z.string().optional().describe('What the client can do.'),
  })
  .meta({ id: 'Problem' })
export type Problem = z.output<typeof Problem>

const problem = (description: string) => ({ description, content: { [PROBLEM_TYPE]: { schema: Problem } } })

/** The failures that every endpoint can answer with. */
export const PROBLEMS = {
  '4xx': problem('The request is at fault; `code` says why. 429 and `Retry-After`: too many requests.'),
  '5xx': problem('The server is at fault, or busy: 503 with `Retry-After`.'),
}
