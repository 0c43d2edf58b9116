import { testHttp3Contracts } from "./http3-contract.ts";

testHttp3Contracts("currentspace");
