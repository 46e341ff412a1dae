import { beforeEach, describe, expect, test } from 'vitest'
import { openNotes, textLine } from '../../src/compose/open-logger.js'

describe('the log of a command that people watch', () => {
  let said: string[]
  beforeEach(() => {
    said = []
  })
  const notes = (level = 'info') => openNotes(level, sentence => said.push(sentence))

  test('is sentences, with the reason', async () => {
    const logger = await notes()
    logger.warn({ server: 7 }, 'the embedded database had died and was restarted')
    logger.error({ err: new Error('no space') }, 'the embedded database does not start; trying again')
    logger.warn({ reason: 'no driver' }, 'cuda cannot be used here')
    logger.warn('Redis drops keys. Set noeviction.')
    expect(said).toEqual([
      'The embedded database had died and was restarted.',
      'The embedded database does not start; trying again: no space.',
      'Cuda cannot be used here: no driver.',
      'Redis drops keys. Set noeviction.',
    ])
  })

  test('has warnings and errors only, or less if the settings say so', async () => {
    for (const level of ['trace', 'info', 'warn']) {
      const logger = await notes(level)
      logger.info('hello')
      logger.warn(level)
    }
    ;(await notes('error')).warn('hello')
    expect(said).toEqual(['Trace.', 'Info.', 'Warn.'])
  })
})

test('The log of a worker on a terminal is a line per event', () => {
  const at = new Date(2026, 0, 2, 3, 4, 5).getTime()
  const line = (entry: object) => textLine(JSON.stringify({ level: 30, time: at, pid: 7, ...entry }))
  expect(line({ msg: 'batch done', embedded: 32, failed: 0 })).toBe('03:04:05 batch done, embedded 32, failed 0\n')
  expect(line({ level: 40, msg: 'no answer', err: { message: 'refused\nagain', stack: 'at …' }, of: { a: 1 } })).toBe(
    '03:04:05 warning: no answer: refused again, of {"a":1}\n',
  )
})
