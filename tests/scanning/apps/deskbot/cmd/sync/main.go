package main

import (
	"context"

	openai "github.com/sashabaranov/go-openai"
)

func tag(client *openai.Client, text string) (string, error) {
	reply, err := client.CreateChatCompletion(context.Background(), openai.ChatCompletionRequest{
		Model: openai.GPT4oMini,
		Messages: []openai.ChatCompletionMessage{
			{Role: "user", Content: "Tag: " + text},
		},
	})
	if err != nil {
		return "", err
	}
	return reply.Choices[0].Message.Content, nil
}
