import { expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.js'
import { writeCursor } from '../../src/http/cursor.js'
import { answerTo } from '../../src/http/problem.js'

test('options of searches become parameters, commands stay as they are', () => {
  const detail = (message: string) => answerTo(new AppError('NOT_EMBEDDED', message), {}).problem.detail
  expect(detail('Ingest first: unsplash-clip ingest INPUT --processes 2, or add --model NAME')).toBe(
    'Ingest first: unsplash-clip ingest INPUT --processes 2, or add model NAME',
  )
  expect(detail('--min-score expects a number; ingest with --only-missing')).toBe(
    'min_score expects a number; ingest with --only-missing',
  )
})

test('a hybrid search ends where no cursor is accepted any more', () => {
  expect(writeCursor({ offset: 10_000 }, 'aaaaaaaa')).toEqual(expect.any(String))
  expect(writeCursor({ offset: 10_001 }, 'aaaaaaaa')).toBeNull()
})
