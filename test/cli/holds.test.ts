import { beforeEach, describe, expect, it } from 'vitest'
import { Holds } from '../../src/cli/holds.js'
import type { Hold } from '../../src/producers/hold.js'

const full: Hold = { kind: 'queue full', message: 'full' }
const noWorker: Hold = { kind: 'no worker', message: 'nobody works' }
const paused: Hold = { kind: 'paused', message: 'paused' }
const lost: Hold = { kind: 'lost', message: 'lost' }

describe('what a command waits for', () => {
  let notes: string[]
  let line: string[]
  beforeEach(() => {
    notes = []
    line = []
  })
  const holds = (isTerminal: boolean) =>
    new Holds(
      { note: text => void notes.push(text) },
      { write: text => void line.push(text), interrupt: text => void notes.push(text) },
      isTerminal,
    )
  const tell = (isTerminal: boolean, ...told: (Hold | null)[]) => {
    const { tell } = holds(isTerminal)
    for (const hold of told) tell(hold)
  }

  it('is told once when piped, however often the queue is full', () => {
    tell(false, full, full, null, full, null, full)
    expect(notes).toEqual(['full'])
  })

  it('is told when it becomes something else', () => {
    tell(false, full, noWorker, noWorker, full)
    expect(notes).toEqual(['full', 'nobody works', 'full'])
  })

  it('is told again, and its end, when somebody paused the run', () => {
    tell(false, paused, paused, null, null, paused, null)
    expect(notes).toEqual(['paused', 'Going on.', 'paused', 'Going on.'])
  })

  it('stands in the line of progress on a terminal', () => {
    tell(true, full, full, null, paused, null)
    expect(line).toEqual(['full', 'full', 'paused'])
    expect(notes).toEqual([])
  })

  it('stays to be read when the queue has lost batches, every time', () => {
    tell(false, lost, lost)
    tell(true, lost)
    expect(notes).toEqual(['lost', 'lost', 'lost\n'])
  })
})
