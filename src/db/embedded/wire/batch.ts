import { isCopyFromStdin } from './copy.js'
import { mayChangeSettings } from './statement-rules.js'

/** Messages of a client that reach the engine together, and what they may do there. */
export class Batch {
  messages: Buffer[] = []
  bytes = 0
  parsesUnnamed = false
  /** Whether it needs an unnamed statement that an earlier batch parsed. */
  usesUnnamed = false
  /** Whether a COPY … FROM STDIN may be among them. */
  mayCopy = false
  /** Whether they may change settings of the session. */
  maySet = false

  add(bytes: Buffer): void {
    this.messages.push(bytes)
    this.bytes += bytes.length
  }

  noteSql(sql: string): void {
    this.mayCopy ||= isCopyFromStdin(sql)
    this.maySet ||= mayChangeSettings(sql)
  }
}
