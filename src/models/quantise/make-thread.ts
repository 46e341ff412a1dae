import { parentPort, workerData } from 'node:worker_threads'
import { AppError, type CommandFailureCode } from '../../domain/errors.js'
import { errorMessage } from '../../domain/text/error-text.js'
import type { MadeRecord } from '../files/made-record.js'
import { type MakeTask, makePrecision } from './make-precision.js'

/** What the thread answers: the record of what it made, or why it made nothing. */
export type MakeAnswer = { record: MadeRecord } | { code: CommandFailureCode | undefined; message: string }

const answer = await makePrecision(workerData as MakeTask).then(
  (record): MakeAnswer => ({ record }),
  (error: unknown): MakeAnswer => ({
    code: error instanceof AppError ? error.code : undefined,
    message: errorMessage(error),
  }),
)
parentPort!.postMessage(answer)
