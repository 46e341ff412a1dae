import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../../src/db/connection.js'
import { Sandbox } from '../../support/cli.js'
import { npyFile } from '../../support/models/npy-file.js'
import { serverKinds } from '../../support/servers/postgres.js'
import { until } from '../../support/until.js'

const [ROWS, DIMENSION] = [40_000, 128]

const VECTORS = `
  select md5(string_agg(photo_id || embedding::text, ' ' order by photo_id)) as digest, count(*)::integer as vectors
    from embeddings e join models m on m.id = e.model_id where m.name = $1`

describe.each(serverKinds())('import into the $kind server', ({ available, start }) => {
  test.skipIf(!available)(
    'killed at any moment continues, and the rows are those of one that was not',
    { timeout: 300_000 },
    async () => {
      const server = await start()
      const url = await server.migratedUrl()
      const database = await openDatabase({ url })
      const sandbox = await Sandbox.create({ DATABASE_URL: url, LABEL_SETS: '' })
      try {
        const rows = Array.from({ length: ROWS }, (_, i) =>
          Float32Array.from({ length: DIMENSION }, (_, j) => Math.sin(i * 7.3 + j * 3.1)),
        )
        await writeFile(join(sandbox.home, 'v.npy'), npyFile(rows))
        await writeFile(join(sandbox.home, 'ids.txt'), rows.map((_, i) => `killed-${i}`).join('\n'))
        const importInto = (model: string) =>
          sandbox.start(
            ...['import', 'v.npy', '--ids', 'ids.txt', '--model', model, '--dimension', `${DIMENSION}`, '--json'],
          )
        const whole = await importInto('whole').finished
        expect([whole.code, whole.objects()[0]]).toEqual([0, expect.objectContaining({ rows: ROWS, added: ROWS })])

        const reached = async () => {
          const [row] = await database.query<{ done: number }>(
            `select rows_done as done from imports i join models m on m.id = i.model_id where m.name = 'killed'`,
          )
          return row?.done ?? 0
        }
        let before = 0
        for (const [signal, code] of [
          ['SIGINT', 130],
          ['SIGKILL', null],
        ] as const) {
          const running = importInto('killed')
          await until('a page to be written', async () => (await reached()) > before)
          running.child.kill(signal)
          const stopped = await running.finished
          expect(stopped.code, stopped.stderr).toBe(code)
          before = await reached()
        }
        const last = await importInto('killed').finished
        expect(last.code, last.stderr).toBe(0)
        expect(Number(last.objects()[0]!.alreadyWritten)).toBeGreaterThanOrEqual(before)
        const [wanted] = await database.query(VECTORS, ['whole'])
        expect(await database.query(VECTORS, ['killed'])).toEqual([wanted])
        expect(wanted).toMatchObject({ vectors: ROWS })
      } finally {
        await sandbox.close()
        await database.close()
        await server.close()
      }
    },
  )
})
