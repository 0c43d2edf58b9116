import { testFaultMatrix } from "./fault-matrix.ts";

testFaultMatrix("undici");
