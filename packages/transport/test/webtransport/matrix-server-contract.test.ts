import { testWebTransportContracts } from "./web-transport-contract.ts";

testWebTransportContracts("matrix", "server");
