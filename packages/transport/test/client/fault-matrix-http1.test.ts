import { testFaultMatrix } from "./fault-matrix.ts";

testFaultMatrix("node:http");
