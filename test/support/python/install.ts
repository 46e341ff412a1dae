// Installs the environments of Python that tests use, before they are needed: npx tsx test/support/python/install.ts
import { pythonEnvironment, pythonPeers } from './environment.js'

await Promise.all([pythonPeers(), pythonEnvironment('test/http/schemathesis/requirements.txt')])
