import { beforeEach, describe, expect, test } from 'vitest'
import { WaitNotices } from '../../../src/cli/ingest/wait-notices.js'
import type { WaitReason } from '../../../src/producers/queueing/wait-reason.js'

const full: WaitReason = { kind: 'queue full', message: 'full' }
const noWorker: WaitReason = { kind: 'no worker', message: 'nobody works' }
const paused: WaitReason = { kind: 'paused', message: 'paused' }
const lost: WaitReason = { kind: 'lost', message: 'lost' }

describe('what a command waits for', () => {
  let notes: string[]
  let line: string[]
  beforeEach(() => {
    notes = []
    line = []
  })
  const reasons = (isTerminal: boolean) =>
    new WaitNotices(
      { note: text => void notes.push(text) },
      { write: text => void line.push(text), interrupt: text => void notes.push(text) },
      isTerminal,
    )
  const tell = (isTerminal: boolean, ...told: (WaitReason | null)[]) => {
    const { tell } = reasons(isTerminal)
    for (const reason of told) tell(reason)
  }

  test('is told once when piped, however often the queue is full', () => {
    tell(false, full, full, null, full, null, full)
    expect(notes).toEqual(['full'])
  })

  test('is told when it becomes something else', () => {
    tell(false, full, noWorker, noWorker, full)
    expect(notes).toEqual(['full', 'nobody works', 'full'])
  })

  test('is told again, and its end, when somebody paused the run', () => {
    tell(false, paused, paused, null, null, paused, null)
    expect(notes).toEqual(['paused', 'Continuing.', 'paused', 'Continuing.'])
  })

  test('stands in the line of progress on a terminal', () => {
    tell(true, full, full, null, paused, null)
    expect(line).toEqual(['full', 'full', 'paused'])
    expect(notes).toEqual([])
  })

  test('stays to be read when the queue has lost batches, every time', () => {
    tell(false, lost, lost)
    tell(true, lost)
    expect(notes).toEqual(['lost', 'lost', 'lost\n'])
  })
})
