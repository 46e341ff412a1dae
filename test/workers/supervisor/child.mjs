// A stand-in for `unsplash-clip worker`: speaks with its supervisor, and behaves as the arguments say.
const [behaviour, ...words] = process.argv.slice(2)
const tell = message => new Promise(resolve => process.send(message, resolve))
const stats = { batches: 1, rejected: 0, embedded: 10, failed: 2, retried: 0, skipped: 0, photosPerSecond: 1 }

for (const word of words) process.stderr.write(word)
if (behaviour === 'crash') process.exit(1)
if (behaviour === 'wrong') {
  await tell({ kind: 'failed', code: 'CONFIG_INVALID', message: 'MODEL: expected one that exists' })
  process.exit(2)
}
if (behaviour === 'unable') {
  await tell({ kind: 'failed', code: 'MODEL_NOT_FOUND', message: 'there is no such file' })
  process.exit(1)
}
await tell({ kind: 'report', stats })
if (behaviour === 'done') process.exit(0)
process.on('disconnect', () => process.exit(0))
process.on('message', message => {
  if (message.kind === 'stop') process.exit(0)
})
