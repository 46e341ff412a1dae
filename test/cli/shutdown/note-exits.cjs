// Preloaded into every process of a command: notes who ends a process instead of letting it end by itself.
const { appendFileSync } = require('node:fs')

const exit = process.exit
process.exit = code => {
  appendFileSync(process.env.NOTED_EXITS, `${process.argv.slice(1).join(' ')}: exit(${code})\n`)
  exit(code)
}
