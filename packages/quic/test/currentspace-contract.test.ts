import { testContracts } from "./contract.ts";

await testContracts("currentspace", "client", "matrix");
await testContracts("currentspace", "server", "matrix");
await testContracts("currentspace", "client", "currentspace");
