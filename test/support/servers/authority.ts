import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { requires } from './requirements.js'

export const hasOpenssl = (): boolean =>
  requires(
    'openssl',
    (process.env.PATH ?? '').split(delimiter).some(folder => existsSync(join(folder, 'openssl'))),
    'Install openssl to test encrypted connections.',
  )

export interface Authority {
  /** Its own certificate, in a file. */
  caFile: string
  /** A certificate that it signed, PEM. @param names what it is made out to: `DNS:localhost,IP:127.0.0.1` */
  sign(names: string): { certificate: string; key: string }
  close(): void
}

/** A certificate authority that nobody knows yet, in a temporary folder. */
export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'uc-ca-'))
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=test authority', '-days', '2')
  return {
    caFile: file('ca.pem'),
    sign(names) {
      writeFileSync(file('names'), `subjectAltName=${names}\n`)
      openssl('req', ...newKey, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server')
      const signed = ['-in', 'server.csr', '-out', 'server.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '2']
      openssl('x509', '-req', ...signed, '-CAcreateserial', '-extfile', 'names')
      return {
        certificate: readFileSync(file('server.pem'), 'utf8'),
        key: readFileSync(file('server.key'), 'utf8'),
      }
    },
    close: () => rmSync(folder, { recursive: true }),
  }
}
