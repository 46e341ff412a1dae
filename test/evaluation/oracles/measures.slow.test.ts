import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Measure, measuresOf } from '../../../src/evaluation/measures.js'
import { hasPython, pythonPeers } from '../../support/python/environment.js'
import { randomNumbers } from '../../support/random-numbers.js'

const HERE = resolve('test/evaluation/oracles')
const QUESTIONS = 400

interface Question {
  ranking: string[]
  relevance: Record<string, number>
  /** Every photo is in the ranking. */
  isComplete: boolean
}

/** Rankings of all lengths; few and many relevant photos; grades; relevant photos that were not found. */
function questions(): Question[] {
  const random = randomNumbers(11)
  const below = (count: number) => Math.min(count - 1, Math.floor((random() + 0.5) * count))
  return Array.from({ length: QUESTIONS }, (_, i) => {
    const isComplete = i % 2 === 0
    const photos = Array.from({ length: 2 + below(300) }, (_, n) => `p${n}`)
    const most = isComplete ? photos.length : photos.length + 20
    const relevance = Object.fromEntries(
      Array.from({ length: 1 + below(i % 3 === 0 ? 5 : 60) }, () => [
        `p${below(most)}`,
        1 + below(i % 5 === 0 ? 4 : 1),
      ]),
    )
    const ranking = photos.map(photo => ({ photo, place: random() })).sort((a, b) => a.place - b.place)
    return { ranking: ranking.map(({ photo }) => photo), relevance, isComplete }
  })
}

describe.skipIf(!hasPython())('the same rankings get the same measures as', () => {
  const asked = questions()
  const ours = asked.map(({ ranking, relevance }) =>
    measuresOf({ page: ranking.slice(0, 10), deep: ranking }, new Map(Object.entries(relevance))),
  )
  let theirs: Record<'trec_eval' | 'scikit-learn', Record<Measure, number> | undefined>[]

  beforeAll(async () => {
    const programs = await pythonPeers()
    const child = spawn(join(programs, 'python'), [join(HERE, 'measures.py')])
    child.stdin.end(JSON.stringify(asked))
    const [answered, complaints] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    if (child.exitCode !== 0) throw new Error(complaints)
    theirs = JSON.parse(answered)
  }, 600_000)

  test.each(['trec_eval', 'scikit-learn'] as const)('%s', peer => {
    let compared = 0
    for (const [i, answers] of theirs.entries())
      for (const [name, value] of Object.entries(answers[peer] ?? {})) {
        expect(ours[i]![name as Measure], `${name} of question ${i}`).toBeCloseTo(value, 6)
        compared++
      }
    expect(compared).toBeGreaterThanOrEqual(QUESTIONS)
  })
})
