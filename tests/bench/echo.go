// SPDX-License-Identifier: ISC

// The echo server that one would write in Go, a goroutine a connection, for
// scripts/bench. TCP_NODELAY is what Go sets by itself.
//
//	echo_go port
package main

import (
	"log"
	"net"
	"os"
)

func echo(client net.Conn) {
	buffer := make([]byte, 65536)

	defer client.Close()
	for {
		got, err := client.Read(buffer)
		if got > 0 {
			if _, err := client.Write(buffer[:got]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: echo_go port")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go echo(client)
	}
}
