import { testContracts } from "./contract.ts";

await testContracts("matrix", "client", "currentspace");
await testContracts("matrix", "server", "currentspace");
await testContracts("matrix", "client", "matrix");
