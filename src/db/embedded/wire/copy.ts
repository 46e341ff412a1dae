import { CopyData } from './copy-data.js'
import type { Engine } from './engine.js'
import {
  COPY_DONE,
  closeStatement,
  copyFail,
  errorFields,
  errorResponse,
  isQuery,
  type Message,
  ProtocolViolation,
  SYNC,
  textAt,
} from './messages.js'

const COPY_MARK = 'the embedded database collects the data first'
/** Takes the place of the data of a COPY. */
export const COPY_PROBE = copyFail(COPY_MARK)
const SAVEPOINT = 'embedded_copy'

const COPY_REFUSED = errorResponse(
  'ERROR',
  '0A000',
  'The embedded database takes COPY … FROM STDIN only as the one COPY of a statement, without COMMIT or ROLLBACK in it. Send it by itself, or set DATABASE_URL to use a server.',
)

/** What a COPY needs of its client, which has the turn at the start. */
export interface CopyClient {
  engine: Engine
  /** Folder for the data. */
  folder: string
  /** Whether a message of the engine is not for this client. */
  consumes(found: Message): boolean
  write(bytes: Buffer): void
  /** Remembers the settings of the session as the client's, if the batch may have changed some. */
  noteSettings(): void
  /** Lets others use the engine while the client sends its data. */
  release(): void
  /** @param isNewTurn whether others may have used the engine meanwhile */
  retake(isNewTurn: boolean): Promise<void>
  /** The next message of the client; null at the end of the connection. */
  next(): Promise<Message | null>
  /**
   * @param answer what the client gets of a message of the engine; null for nothing
   * @returns whether a Sync of the client follows
   */
  run(input: Uint8Array, end: 'query' | 'sync', answer: (found: Message) => Buffer | null): Promise<boolean>
}

/** Whether a statement may be COPY … FROM STDIN. */
export const isCopyFromStdin = (sql: string): boolean => /\bcopy\b/i.test(sql) && /\bstdin\b/i.test(sql)

/** The answer to a statement whose COPY got the probe instead of data. */
export const refuseCopy = (found: Message): Buffer => (isProbeFailure(found) ? COPY_REFUSED : found.bytes)

/**
 * Runs a batch whose last statement may be COPY … FROM STDIN. First with a CopyFail where the data would stand: if that
 * is what it fails with, it is a COPY, and the engine has told its columns. Its effects are undone, the data collected
 * from the client, and the batch run again with the data.
 */
export async function runCopy(batch: Buffer[], end: 'query' | 'sync', client: CopyClient): Promise<void> {
  const { engine } = client
  const inTransaction = engine.status === 'T'
  if (inTransaction) await engine.query(`savepoint ${SAVEPOINT}`)
  const output: Message[] = []
  const probe = end === 'query' ? batch : [...batch, SYNC]
  await engine.run(Buffer.concat(probe), true, found => {
    if (!client.consumes(found)) output.push(found)
  })
  const copies = output.filter(({ type }) => type === 'G').length
  if (!output.some(isProbeFailure) || copies !== 1 || batch.some(endsTransaction)) {
    if (inTransaction && engine.status === 'T') await engine.query(`release ${SAVEPOINT}`)
    client.noteSettings()
    client.write(Buffer.concat(output.map(refuseCopy)))
    return
  }
  if (inTransaction) await engine.query(`rollback to ${SAVEPOINT}`)
  else if (engine.status !== 'I') await engine.query('rollback')
  client.write(
    Buffer.concat(output.slice(0, output.findIndex(({ type }) => type === 'G') + 1).map(({ bytes }) => bytes)),
  )
  if (!inTransaction) client.release()
  await runWithData(batch, end, client, inTransaction)
}

async function runWithData(
  batch: Buffer[],
  end: 'query' | 'sync',
  client: CopyClient,
  inTransaction: boolean,
): Promise<void> {
  const { engine } = client
  const data = new CopyData(client.folder)
  try {
    const last = await collect(data, client)
    await client.retake(!inTransaction)
    let skips = true
    // The probe again, for a second COPY of the statement.
    const head = Buffer.concat([...batch.flatMap(closeFirst), ...batch.slice(0, -1)])
    const input = data.input(head, Buffer.concat([last, COPY_PROBE]))
    const isOpen = await client.run(input, end, found => {
      const isSkipped = skips && found.type !== 'E'
      if (found.type === 'G' || found.type === 'E') skips = false
      return isSkipped ? null : refuseCopy(found)
    })
    if (inTransaction && engine.status === 'T' && !isOpen) await engine.query(`release ${SAVEPOINT}`)
  } finally {
    data.close()
  }
}

/** Collects the data of a COPY. @returns the message that ends it */
async function collect(data: CopyData, client: CopyClient): Promise<Buffer> {
  let failure: string | undefined
  for (;;) {
    const found = await client.next()
    if (found === null) throw new ProtocolViolation('unexpected end of the connection during COPY from stdin')
    if (found.type === 'd') {
      try {
        if (failure === undefined) data.add(found.bytes)
      } catch (error) {
        failure = `its data cannot be kept: ${(error as Error).message}`
      }
    } else if (found.type === 'c') return failure === undefined ? COPY_DONE : copyFail(failure)
    else if (found.type === 'f') return found.bytes
    else if (found.type !== 'H' && found.type !== 'S')
      throw new ProtocolViolation(`unexpected message type ${found.type} during COPY from stdin`)
  }
}

/** A statement that was named once has to be closed before it is named again. */
function closeFirst(bytes: Buffer): Buffer[] {
  if (bytes[0] !== 'P'.charCodeAt(0)) return []
  return [closeStatement(textAt({ type: 'P', bytes }))]
}

const isProbeFailure = (found: Message): boolean =>
  found.type === 'E' && (errorFields(found).M ?? '').includes(COPY_MARK)

const endsTransaction = (bytes: Buffer): boolean =>
  isQuery(bytes) && /\b(?:commit|end|rollback|abort)\b/i.test(bytes.toString('latin1', 5))
